// The only translation unit that includes Beast and Asio.
//
// Asio's fences order what several threads of one loop do. This loop has one thread, and the thread
// sanitizer doesn't understand fences.
#define BOOST_ASIO_DISABLE_FENCED_BLOCK 1

#include "admin/server.h"

#include <mutex>
#include <thread>

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fcntl.h>

#include "gateway/config_address.h"
#include "net/listener.h"

namespace sluice::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using Protocol = asio::generic::stream_protocol;
using Executor = asio::io_context::executor_type;
using HttpStream = beast::basic_stream<Protocol, Executor>;
using HttpSocket = asio::basic_stream_socket<Protocol, Executor>;
using HttpAcceptor = asio::basic_socket_acceptor<Protocol, Executor>;
using HttpRequest = http::request<http::string_body>;
using HttpResponse = http::response<http::string_body>;

constexpr unsigned kMaxConnections = 64;
constexpr std::uint32_t kMaxHeader = 16 * 1024;
constexpr std::uint64_t kMaxBody = 64 * 1024;
constexpr auto kPatience = std::chrono::seconds(10);

std::string text(beast::string_view view) { return {view.data(), view.size()}; }

// What the token is now; a reload changes it while requests are read.
class Token {
 public:
  void set(std::string token) {
    const std::lock_guard lock(mutex_);
    token_ = std::move(token);
  }
  std::string get() const {
    const std::lock_guard lock(mutex_);
    return token_;
  }

 private:
  mutable std::mutex mutex_;
  std::string token_;
};

Answer answer(const Router& router, const HttpRequest& request, std::string_view token) {
  Request plain{.method = text(request.method_string()),
                .target = text(request.target()),
                .host = text(request[http::field::host]),
                .authorization = text(request[http::field::authorization])};
  return router.answer(std::move(plain), token);
}

HttpResponse response_of(Answer answer, unsigned version, bool keep_alive, bool head) {
  HttpResponse response(static_cast<http::status>(answer.status), version);
  response.set(http::field::content_type, answer.content_type);
  for (const auto& [name, value] : answer.headers) response.set(name, value);
  response.keep_alive(keep_alive);
  response.content_length(answer.body.size());
  if (!head) response.body() = std::move(answer.body);
  return response;
}

// A connection: reads a request, answers it, again. Kept alive by what it waits for.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(HttpSocket socket, const Router& router, const Token& token,
             std::function<void()> gone)
      : stream_(std::move(socket)), router_(router), token_(token), gone_(std::move(gone)) {}
  ~Connection() { gone_(); }

  void read() {
    parser_.emplace();
    parser_->header_limit(kMaxHeader);
    parser_->body_limit(kMaxBody);
    stream_.expires_after(kPatience);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       self->on_read(error);
                     });
  }

 private:
  void on_read(beast::error_code error) {
    if (error == http::error::header_limit) return refuse(problem(431, "at most 16 KB of header"));
    if (error == http::error::body_limit) return refuse(problem(413, "at most 64 KB of body"));
    if (error && error.category() == http::make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message)
      return refuse(problem(400, "not an HTTP request"));
    if (error) return;  // closed, or too slow
    const HttpRequest request = parser_->release();
    const bool head = request.method() == http::verb::head;
    write(response_of(answer(router_, request, token_.get()), request.version(),
                      request.keep_alive(), head),
          head);
  }

  void refuse(Answer answer) { write(response_of(std::move(answer), 11, false, false), false); }

  void write(HttpResponse response, bool head) {
    response_ = std::move(response);
    serializer_.emplace(*response_);
    stream_.expires_after(kPatience);
    auto done = [self = shared_from_this()](beast::error_code error, std::size_t) {
      self->on_written(error);
    };
    if (head)
      http::async_write_header(stream_, *serializer_, std::move(done));
    else
      http::async_write(stream_, *serializer_, std::move(done));
  }

  void on_written(beast::error_code error) {
    if (error) return;
    if (response_->keep_alive()) return read();
    beast::error_code ignored;
    stream_.socket().shutdown(HttpSocket::shutdown_send, ignored);
  }

  HttpStream stream_;
  const Router& router_;
  const Token& token_;
  const std::function<void()> gone_;
  beast::flat_buffer buffer_{kMaxHeader + kMaxBody};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<HttpResponse> response_;
  std::optional<http::response_serializer<http::string_body>> serializer_;
};

bool same_address(const gateway::Config::Admin& a, const gateway::Config::Admin& b) {
  return a.enabled == b.enabled && a.listen == b.listen;
}

}  // namespace

// A listening socket with its loop and thread.
class AdminServer::Running {
 public:
  Running(std::unique_ptr<net::ListenSocket> socket, const Router& router, std::string token)
      : socket_(std::move(socket)), router_(router), acceptor_(io_) {
    token_.set(std::move(token));
    const int family = socket_->local().is_unix() ? AF_UNIX : family_of(socket_->fd());
    acceptor_.assign(Protocol(family, 0), ::fcntl(socket_->fd(), F_DUPFD_CLOEXEC, 0));
    accept();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Running() {
    io_.stop();
    thread_.join();
    closing_ = true;  // connections that the loop's end destroys don't accept others
  }

  void set_token(std::string token) { token_.set(std::move(token)); }
  std::string address() const { return socket_->local().text(); }

 private:
  static int family_of(int fd) {
    int family = AF_INET;
    socklen_t length = sizeof family;
    ::getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &length);
    return family;
  }

  // One at a time; while there are 64 the others wait in the kernel's queue.
  void accept() {
    if (closing_ || accepting_ || open_ >= kMaxConnections) return;
    accepting_ = true;
    acceptor_.async_accept([this](beast::error_code error, HttpSocket socket) {
      accepting_ = false;
      if (error == asio::error::operation_aborted) return;
      if (error) return accept_later();
      ++open_;
      std::make_shared<Connection>(std::move(socket), router_, token_, [this] {
        --open_;
        accept();
      })->read();
      accept();
    });
  }

  // Out of descriptors, most likely.
  void accept_later() {
    retry_.expires_after(std::chrono::milliseconds(100));
    retry_.async_wait([this](beast::error_code error) {
      if (!error) accept();
    });
  }

  std::unique_ptr<net::ListenSocket> socket_;
  const Router& router_;
  Token token_;
  unsigned open_ = 0;
  bool accepting_ = false, closing_ = false;
  asio::io_context io_{1};
  asio::basic_waitable_timer<std::chrono::steady_clock,
                             asio::wait_traits<std::chrono::steady_clock>, Executor>
      retry_{io_};
  HttpAcceptor acceptor_;
  std::thread thread_;
};

AdminServer::AdminServer(gateway::Gateway& gateway) : gateway_(gateway), api_(gateway) {}

AdminServer::~AdminServer() { stop(); }

Result<void> AdminServer::start(const gateway::Config::Admin& config) {
  if (!config.enabled) {
    running_.reset();
    config_ = config;
    return {};
  }
  const auto listen = gateway::parse_listen(config.listen);
  if (!listen) return fail(Code::invalid_argument, "admin.listen: " + listen.error());
  if (config.token.empty() && !listen->loopback())
    return fail(Code::invalid_argument,
                "admin.listen " + config.listen +
                    " can be reached from other machines: set admin.token, or listen on 127.0.0.1");
  net::Endpoint at;
  at.host = listen->host;
  at.port = listen->port;
  at.path = listen->path;
  auto socket = net::ListenSocket::open(at, {.reuse_port = false, .unix_mode = 0600});
  if (!socket) {
    Error error = socket.error();
    error.detail = "admin listener: " + error.detail;
    return std::unexpected(std::move(error));
  }
  auto running = std::make_unique<Running>(std::move(*socket), api_.router(), config.token);
  running_ = std::move(running);
  config_ = config;
  return {};
}

Result<void> AdminServer::reload(const gateway::Config::Admin& config) {
  if (!same_address(config, config_)) return start(config);
  config_ = config;
  if (running_) running_->set_token(config.token);
  return {};
}

void AdminServer::stop() { running_.reset(); }

std::string AdminServer::address() const { return running_ ? running_->address() : std::string(); }

}  // namespace sluice::admin
