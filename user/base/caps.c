// SPDX-License-Identifier: MIT
#include <linux/capability.h>
#include <stddef.h>
#include "sbx_image.h"
#include "user/base/caps.h"

const char *const sbx_capabilities[] = {
	"cap_chown",
	"cap_dac_override",
	"cap_dac_read_search",
	"cap_fowner",
	"cap_fsetid",
	"cap_kill",
	"cap_setgid",
	"cap_setuid",
	"cap_setpcap",
	"cap_linux_immutable",
	"cap_net_bind_service",
	"cap_net_broadcast",
	"cap_net_admin",
	"cap_net_raw",
	"cap_ipc_lock",
	"cap_ipc_owner",
	"cap_sys_module",
	"cap_sys_rawio",
	"cap_sys_chroot",
	"cap_sys_ptrace",
	"cap_sys_pacct",
	"cap_sys_admin",
	"cap_sys_boot",
	"cap_sys_nice",
	"cap_sys_resource",
	"cap_sys_time",
	"cap_sys_tty_config",
	"cap_mknod",
	"cap_lease",
	"cap_audit_write",
	"cap_audit_control",
	"cap_setfcap",
	"cap_mac_override",
	"cap_mac_admin",
	"cap_syslog",
	"cap_wake_alarm",
	"cap_block_suspend",
	"cap_audit_read",
	"cap_perfmon",
	"cap_bpf",
	"cap_checkpoint_restore",
	NULL,
};

_Static_assert(sizeof(sbx_capabilities) / sizeof(sbx_capabilities[0]) == CAP_CHECKPOINT_RESTORE + 2,
	       "one name for each capability");

#define BIT(cap) (1ull << (cap))

const uint64_t sbx_caps_default = BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) |
				  BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) |
				  BIT(CAP_KILL) | BIT(CAP_SETGID) | BIT(CAP_SETUID) |
				  BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE);

_Static_assert(SBX_CAPS_NEVER == (BIT(CAP_SYS_MODULE) | BIT(CAP_SYS_RAWIO) | BIT(CAP_SYS_BOOT) |
				  BIT(CAP_SYS_TIME) | BIT(CAP_MKNOD) | BIT(CAP_AUDIT_CONTROL) |
				  BIT(CAP_MAC_OVERRIDE) | BIT(CAP_MAC_ADMIN) | BIT(CAP_PERFMON)),
	       "numbers and names agree");
