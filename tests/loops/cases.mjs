// The node programs' part of cases.py: `cases` maps a name to [label, function].
export const loop = (kind, statement, calls, source, column) =>
  ({ kind, statement, calls: calls ?? undefined, source, column })

export async function main(cases, close) {
  const [name] = process.argv.slice(2)
  if (name === '--list') {
    const labels = Object.entries(cases).map(([name, [what, loops]]) => [name, { what, loops }])
    console.log(JSON.stringify(Object.fromEntries(labels)))
    return
  }
  try {
    await cases[name][2]()
  } finally {
    await close()
  }
}
