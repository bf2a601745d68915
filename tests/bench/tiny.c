// SPDX-License-Identifier: MIT
/* The smallest program: what exec costs, and nothing else. */
int main(void)
{
	return 0;
}
