// The program `sluice`: all it does is in cmd/.
#include "cmd/command_line.h"

int main(int argc, char** argv) { return sluice::cmd::run(argc, argv); }
