#include "admin/page.h"

namespace sluice::admin {
namespace {

constexpr const char* kPage = R"html(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sluice</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/page.css">
</head>
<body>
<header>
<h1>Sluice <small id="version"></small></h1>
<p id="status" role="status">connecting</p>
</header>
<form id="login" hidden>
<label>Token <input id="token" type="password" autocomplete="current-password"></label>
<button>Show</button>
</form>
<main>
<section class="numbers" aria-label="Now">
<p><b id="requests">-</b>requests/s</p>
<p><b id="latency">-</b>mean time</p>
<p><b id="clients">-</b>clients</p>
<p><b id="connections">-</b>server connections</p>
<p><b id="waiting">-</b>waiting</p>
</section>
<h2>Pools</h2>
<div class="scroll"><table>
<thead><tr><th>Database<th>User<th>Server<th>Mode<th>Clients<th>Waiting<th>Active<th>Idle<th>Max<th>Opened<th>Timed out<th>Pins<th>Trouble</tr></thead>
<tbody id="pools"><tr><td colspan="13">No client has come yet.</td></tr></tbody>
</table></div>
<h2>Components</h2>
<div class="scroll"><table>
<thead><tr><th>Component<th>State<th>Detail</tr></thead>
<tbody id="components"></tbody>
</table></div>
<p><a href="/metrics">/metrics</a> <a href="/health">/health</a> <a href="/performance/pools">/performance/pools</a></p>
<noscript>This page needs its script; the addresses above work without.</noscript>
</main>
<script src="/page.js"></script>
</body>
</html>
)html";

constexpr const char* kStyle =
    R"css(:root { color-scheme: light dark; --line: #8884; --soft: #8882; --good: #1a7f4b; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --good: #5fd39a; --bad: #ff8a80; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; max-width: 80rem; padding: 1rem; }
header { display: flex; align-items: baseline; gap: 1rem; flex-wrap: wrap; }
h1 { margin: 0; } h1 small { font-weight: normal; font-size: 1rem; opacity: .7; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem; }
#status { margin: 0; font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin-top: 1rem; }
.numbers p { background: var(--soft); border-radius: .5rem; margin: 0; padding: .75rem 1rem; }
.numbers b { display: block; font-size: 1.6rem; font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
a { margin-right: 1rem; }
)css";

constexpr const char* kScript = R"js('use strict';
const at = (id) => document.getElementById(id);
let token = sessionStorage.getItem('token') || '';
let before = null;

async function read(path) {
  const headers = token ? { Authorization: 'Bearer ' + token } : {};
  const answer = await fetch(path, { headers, cache: 'no-store' });
  if (answer.status === 401) { at('login').hidden = false; throw new Error('a token is needed'); }
  return answer.json();
}

function fill(body, rows, empty, columns) {
  body.replaceChildren(...(rows.length ? rows : [[empty]]).map((cells) => {
    const row = document.createElement('tr');
    for (const text of cells) {
      const cell = row.insertCell();
      cell.textContent = text;
      if (!rows.length) cell.colSpan = columns;
    }
    return row;
  }));
}

function show_status(text, good) {
  at('status').textContent = text;
  at('status').className = good ? 'good' : 'bad';
}

function show_health(health) {
  at('version').textContent = health.version;
  show_status(health.status, health.status === 'ok');
  fill(at('components'), health.components.map((c) => [c.name, c.ready ? 'ready' : 'not ready', c.detail || '']),
    'none', 3);
}

function duration(seconds) {
  if (seconds < 1e-3) return Math.round(seconds * 1e6) + ' \u00b5s';
  return seconds < 1 ? (seconds * 1e3).toFixed(1) + ' ms' : seconds.toFixed(2) + ' s';
}

function show_rate(totals) {
  const sum = (key) => totals.reduce((all, t) => all + t[key], 0);
  const now = { at: performance.now(), requests: sum('requests'), seconds: sum('request_seconds') };
  if (before && now.requests >= before.requests) {
    const requests = now.requests - before.requests;
    at('requests').textContent = Math.round(requests / (now.at - before.at) * 1000).toLocaleString();
    at('latency').textContent = requests ? duration((now.seconds - before.seconds) / requests) : '-';
  }
  before = now;
}

function show_pools(state) {
  const pools = state.pools;
  const clients = (p) => p.clients.active + p.clients.waiting + p.clients.idle;
  show_rate(state.totals);
  at('clients').textContent = state.clients.toLocaleString();
  at('connections').textContent = state.connections.toLocaleString();
  at('waiting').textContent = pools.reduce((all, p) => all + p.clients.waiting, 0).toLocaleString();
  fill(at('pools'), pools.map((p) => [
    p.database, p.user, p.server, p.mode + (p.paused ? ', paused' : ''), clients(p), p.clients.waiting,
    p.connections.leased, p.connections.idle, p.max, p.connections.opened, p.leases.timed_out,
    Object.entries(p.pins).map(([cause, n]) => cause + ' ' + n).join(', '), p.last_error]),
  'No client has come yet.', 13);
}

async function refresh() {
  try {
    if (!document.hidden) {
      show_health(await read('/health'));
      show_pools(await read('/performance/pools'));
    }
  } catch (error) {
    before = null;
    show_status(error instanceof TypeError ? 'no answer' : error.message, false);
  }
  setTimeout(refresh, 1000);
}

at('login').addEventListener('submit', (event) => {
  event.preventDefault();
  token = at('token').value;
  sessionStorage.setItem('token', token);
  at('login').hidden = true;
});
refresh();
)js";

}  // namespace

Answer page() { return {.content_type = "text/html; charset=utf-8", .body = kPage}; }
Answer page_style() { return {.content_type = "text/css; charset=utf-8", .body = kStyle}; }
Answer page_script() { return {.content_type = "text/javascript; charset=utf-8", .body = kScript}; }

}  // namespace sluice::admin
