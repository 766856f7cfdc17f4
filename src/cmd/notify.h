// systemd's readiness protocol (sd_notify(3)), spoken directly: one datagram to $NOTIFY_SOCKET.
#pragma once

#include <string>
#include <string_view>

#include "sluice/result.h"

namespace sluice::cmd {

// Sends the state ("READY=1\nSTATUS=...") to the socket: a path, or an abstract name after '@'. An
// empty socket is nobody: success.
Result<void> notify(const std::string& socket, std::string_view state);

// $NOTIFY_SOCKET or empty.
std::string notify_socket();

// With the clock reading that Type=notify-reload wants.
std::string reloading_state();

}  // namespace sluice::cmd
