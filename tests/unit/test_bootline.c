// SPDX-License-Identifier: MIT
/* The whole line for the boot loader at hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "user/base/bootline.h"

#define ACTIVE "lockdown,capability,landlock,yama,apparmor"

static char root[] = "/tmp/sbx-bootline.XXXXXX";

static int make_root(void **state)
{
	strcpy(root + strlen(root) - 6, "XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void put(const char *path, const char *text)
{
	char full[256], *slash;
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = 0;
		mkdir(full, 0755);
		*slash = '/';
	}
	f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect(const char *release, const char *cmdline, const char *want)
{
	char *got = sbx_bootline_lsm(root, release, cmdline, ACTIVE);

	assert_non_null(got);
	if (!strstr(got, want))
		print_error("%s\n", got);
	assert_non_null(strstr(got, want));
	free(got);
}

static void test_grub(void **state)
{
	put("/etc/default/grub",
	    "GRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\nGRUB_CMDLINE_LINUX=\"net.ifnames=0 "
	    "lsm=landlock,yama security=apparmor\"\n");
	expect("6.1.0", "", "GRUB_CMDLINE_LINUX=\"net.ifnames=0 lsm=" ACTIVE ",bpf\"");
	expect("6.1.0", "", "grub2-mkconfig");
	put("/usr/sbin/update-grub", "");
	expect("6.1.0", "", "`update-grub` and reboot");
}

static void test_grub_without_a_line(void **state)
{
	put("/etc/default/grub", "GRUB_TIMEOUT=5\n");
	expect("6.1.0", "", "GRUB_CMDLINE_LINUX=\"lsm=" ACTIVE ",bpf\"");
}

static void test_single_quotes(void **state)
{
	put("/etc/default/grub", "GRUB_CMDLINE_LINUX='a b'\n");
	expect("6.1.0", "", "GRUB_CMDLINE_LINUX=\"a b lsm=" ACTIVE ",bpf\"");
}

static void test_systemd_boot(void **state)
{
	put("/etc/kernel/cmdline", "root=/dev/sda2 rw lsm=yama\n");
	expect("6.1.0", "",
	       "in /etc/kernel/cmdline, on one line: root=/dev/sda2 rw lsm=" ACTIVE ",bpf");
}

static void test_loader_entries(void **state)
{
	put("/boot/loader/entries/a.conf", "");
	expect("6.1.0", "BOOT_IMAGE=/vmlinuz root=/dev/sda2 initrd=\\x rw",
	       "options root=/dev/sda2 rw lsm=" ACTIVE ",bpf");
}

static void test_wsl(void **state)
{
	put("/etc/default/grub", "GRUB_CMDLINE_LINUX=\"a\"\n");
	expect("6.6.36.3-microsoft-standard-WSL2", "",
	       "[wsl2]: kernelCommandLine = lsm=" ACTIVE ",bpf");
	expect("6.6.36.3-microsoft-standard-WSL2", "", "wsl --shutdown");
}

static void test_nothing_known(void **state)
{
	expect("6.1.0", "console=ttyS0", "command line: console=ttyS0 lsm=" ACTIVE ",bpf");
}

static void test_no_list(void **state)
{
	char *got = sbx_bootline_lsm(root, "6.1.0", "", "");

	assert_non_null(strstr(got, " lsm=bpf "));
	free(got);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_grub),	   TEST(test_grub_without_a_line),
		TEST(test_single_quotes),  TEST(test_systemd_boot),
		TEST(test_loader_entries), TEST(test_wsl),
		TEST(test_nothing_known),  TEST(test_no_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
