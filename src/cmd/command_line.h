// The command line: which subcommand, with which options. CLI11 stays in command_line.cc; each
// subcommand is a function of its own file that takes plain options and returns an exit code.
#pragma once

namespace sluice::cmd {

// Parses, runs the subcommand, returns what main() returns.
int run(int argc, const char* const* argv);

}  // namespace sluice::cmd
