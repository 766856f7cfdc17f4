// Shell completions, made from the command line's own declaration.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sluice/result.h"

namespace sluice::cmd {

// A command with what may follow it.
struct CommandTree {
  std::string name, summary;
  struct Option {
    std::string name, summary;  // "--config"
  };
  std::vector<Option> options;
  std::vector<CommandTree> commands;
};

// A script for "bash", "zsh" or "fish"; invalid_argument for another shell.
Result<std::string> completions(std::string_view shell, const CommandTree& program);

}  // namespace sluice::cmd
