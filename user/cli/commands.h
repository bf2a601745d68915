/* SPDX-License-Identifier: MIT */
/* The commands, one file each: cmd_NAME.c. */
#ifndef SBX_CLI_COMMANDS_H
#define SBX_CLI_COMMANDS_H

#include "user/cli/common.h"

extern const struct sbx_command sbx_cmd_run;
extern const struct sbx_command sbx_cmd_attach;
extern const struct sbx_command sbx_cmd_detach;
extern const struct sbx_command sbx_cmd_exec;
extern const struct sbx_command sbx_cmd_update;
extern const struct sbx_command sbx_cmd_mode;
extern const struct sbx_command sbx_cmd_status;
extern const struct sbx_command sbx_cmd_events;
extern const struct sbx_command sbx_cmd_check;
extern const struct sbx_command sbx_cmd_explain;
extern const struct sbx_command sbx_cmd_doctor;
extern const struct sbx_command sbx_cmd_selftest;

#endif
