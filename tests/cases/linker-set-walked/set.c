#include "cmd.h"
static const struct cmd first __attribute__((section("cmds"), used)) = {1};
static const struct cmd second __attribute__((section("cmds"), used)) = {100};
