#include "session/postgres_login.h"

#include "session/postgres_error.h"
#include "session/postgres_frames.h"
#include "wire/postgres/frontend.h"
#include "wire/postgres/password.h"

namespace sluice::postgres {
namespace {

constexpr std::uint32_t kMaxLoginFrame = 64 * 1024;  // ErrorResponses included

// One login under way. One fiber.
class Login {
 public:
  Login(net::Loop& loop, const ServerLogin& login, Deadline deadline)
      : loop_(loop), login_(login), deadline_(deadline) {}

  Result<void> run() {
    auto done = attempt(login_.ssl != SslMode::disable && login_.ssl != SslMode::allow);
    // allow: plain text first, TLS if the server wants it; prefer: the other way round.
    const bool other =
        !done && done.error().code == Code::unauthenticated && !login_.endpoint.is_unix();
    if (other && login_.ssl == SslMode::allow) return attempt(true);
    if (other && login_.ssl == SslMode::prefer && was_encrypted_) return attempt(false);
    return done;
  }

  std::unique_ptr<net::Stream> stream;
  Reported reported;
  CancelKey key;
  Buffer greeting;

 private:
  Result<void> attempt(bool encrypt) {
    in_.clear();
    consumed_ = 0;
    auto connected = net::Stream::connect(loop_, login_.endpoint, deadline_, login_.options.stream);
    if (!connected) return std::unexpected(connected.error());
    stream = std::move(*connected);
    if (encrypt && !login_.endpoint.is_unix())
      if (auto tls = start_tls(); !tls) return tls;
    was_encrypted_ = stream->encrypted();
    if (auto sent = send_startup(); !sent) return sent;
    return converse();
  }

  Result<void> start_tls() {
    Buffer out;
    append_ssl_request(out);
    if (auto sent = stream->write(out.view(), deadline_); !sent) return sent;
    if (auto got = stream->read(in_, deadline_); !got) return got;
    const char answer = in_.data()[0];
    // Anything behind the answer was put there by somebody in between (CVE-2021-23222).
    if (in_.size() != 1 && answer != backend::kErrorResponse)
      return fail(Code::protocol_violation, where() + " sent data ahead of the TLS handshake");
    in_.clear();
    if (answer == 'S') return stream->start_tls(*login_.tls, login_.endpoint.host, deadline_);
    if (login_.ssl >= SslMode::require)
      return fail(Code::unauthenticated, where() + " doesn't offer TLS, which sslmode asks for");
    if (answer == 'N') return {};
    return fail(Code::protocol_violation, where() + " answered neither S nor N to an SSLRequest");
  }

  Result<void> send_startup() {
    Buffer out;
    Parameters parameters = {{"user", login_.user}, {"database", login_.database}};
    parameters.insert(parameters.end(), login_.parameters.begin(), login_.parameters.end());
    append_startup(out, parameters);
    return stream->write(out.view(), deadline_);
  }

  Result<void> converse() {
    for (;;) {
      auto frame = read_frame(*stream, in_, consumed_, kMaxLoginFrame, deadline_);
      if (!frame) return std::unexpected(frame.error());
      if (authenticated_) greeting.append(frame->bytes);
      switch (frame->type) {
        case backend::kAuthentication:
          if (auto answered = authenticate(frame->payload); !answered) return answered;
          break;
        case backend::kParameterStatus: {
          auto status = read_parameter_status(frame->payload);
          if (!status) return std::unexpected(status.error());
          reported.insert_or_assign(std::string(status->name), std::string(status->value));
          break;
        }
        case backend::kBackendKeyData: {
          auto data = read_backend_key_data(frame->payload);
          if (!data) return std::unexpected(data.error());
          key = {data->pid, std::string(data->secret)};
          break;
        }
        case backend::kErrorResponse: {
          auto error = read_error(frame->payload);
          return std::unexpected(error ? error_of(*error) : error.error());
        }
        case backend::kNoticeResponse:
        case backend::kNegotiateProtocolVersion: break;
        case backend::kReadyForQuery: return finish();
        default:
          return fail(Code::protocol_violation,
                      where() + " sent a message '" + frame->type + "' during the login");
      }
    }
  }

  Result<void> finish() {
    in_.consume(std::exchange(consumed_, 0));
    greeting.append(in_.view());  // what a talkative server sent ahead
    if (!authenticated_) return fail(Code::protocol_violation, where() + " skipped authentication");
    return {};
  }

  Result<void> authenticate(std::string_view payload) {
    auto request = read_authentication(payload);
    if (!request) return std::unexpected(request.error());
    switch (request->code) {
      case kAuthOk:
        if (scram_ && !scram_->authenticated())
          return fail(Code::unauthenticated, where() + " didn't prove that it knows the password");
        authenticated_ = true;
        return {};
      case kAuthCleartext: return answer_password(login_.password);
      case kAuthMd5: return answer_md5(request->data);
      case kAuthSasl: return begin_scram(request->data);
      case kAuthSaslContinue: return continue_scram(request->data);
      case kAuthSaslFinal:
        if (!scram_)
          return fail(Code::protocol_violation, where() + " ended a SASL login that nobody began");
        return scram_->verify(request->data);
      default:
        return fail(Code::unauthenticated,
                    where() + " asks for authentication method " + std::to_string(request->code) +
                        ", which isn't supported: use trust, password, md5, scram-sha-256 or cert");
    }
  }

  Result<void> answer_password(std::string_view answer) {
    if (login_.password.empty()) return no_secret();
    Buffer out;
    append_password(out, answer);
    return stream->write(out.view(), deadline_);
  }

  Result<void> answer_md5(std::string_view data) {
    if (login_.password.empty()) return no_secret();
    auto salt = md5_salt(data);
    if (!salt) return std::unexpected(salt.error());
    auto answer = md5_answer(login_.password, login_.user, *salt);
    if (!answer) return std::unexpected(answer.error());
    return answer_password(*answer);
  }

  Result<void> begin_scram(std::string_view data) {
    auto mechanisms = sasl_mechanisms(data);
    if (!mechanisms) return std::unexpected(mechanisms.error());
    bool plain = false, plus = false;
    for (std::string_view m : *mechanisms) {
      plain |= m == kScramSha256;
      plus |= m == kScramSha256Plus;
    }
    if (!plain && !plus)
      return fail(Code::unauthenticated,
                  where() + " offers no SASL mechanism that we know (SCRAM-SHA-256)");
    ScramClient::Options options{.channel_binding = stream->tls_endpoint_hash(),
                                 .plus_offered = plus};
    if (login_.keys)
      scram_.emplace(*login_.keys, std::move(options));
    else if (login_.password.empty())
      return no_secret();
    else
      scram_.emplace(login_.password, std::move(options));
    Buffer out;
    append_sasl_initial(out, scram_->mechanism(), scram_->first());
    return stream->write(out.view(), deadline_);
  }

  Result<void> continue_scram(std::string_view data) {
    if (!scram_)
      return fail(Code::protocol_violation, where() + " continued a SASL login that nobody began");
    auto answer = scram_->answer(data);
    if (!answer) return std::unexpected(answer.error());
    Buffer out;
    append_sasl_response(out, *answer);
    return stream->write(out.view(), deadline_);
  }

  std::unexpected<Error> no_secret() const {
    return fail(
        Code::unauthenticated,
        where() + " asks for a password and none is known for user \"" + login_.user + "\"");
  }
  std::string where() const { return "server " + login_.endpoint.text(); }

  net::Loop& loop_;
  const ServerLogin& login_;
  Deadline deadline_;
  Buffer in_;
  std::size_t consumed_ = 0;
  std::optional<ScramClient> scram_;
  bool authenticated_ = false, was_encrypted_ = false;
};

}  // namespace

Result<std::unique_ptr<ServerConn>> log_in(net::Loop& loop, const ServerLogin& login,
                                           const std::shared_ptr<Baselines>& baselines,
                                           const ServerConn::Loops& loops, Deadline deadline) {
  Login attempt(loop, login, deadline);
  if (auto done = attempt.run(); !done) return std::unexpected(done.error());
  ServerFacts facts{login.endpoint,         login.user, login.database,
                    std::move(attempt.key), baselines,  nullptr};
  facts.baseline = baselines->intern(std::move(attempt.reported));
  return std::make_unique<ServerConn>(std::move(attempt.stream), std::move(facts), login.options,
                                      loops);
}

Result<std::unique_ptr<net::Stream>> log_in_tunnel(net::Loop& loop, const ServerLogin& login,
                                                   Buffer& greeting, Deadline deadline) {
  Login attempt(loop, login, deadline);
  if (auto done = attempt.run(); !done) return std::unexpected(done.error());
  greeting = std::move(attempt.greeting);
  return std::move(attempt.stream);
}

}  // namespace sluice::postgres
