// The seccomp filter: a list of what a replica never needs once it serves. The rest is allowed, because DPDK's drivers (a few hundred,
// most never run here) call what they need at any time, and a replica that dies of an unforeseen ioctl is worse than one that could
// have made it. What is listed ends in EPERM; only a foreign instruction set kills.
#include "dataplane/filter.h"
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define X32 0x40000000u
#define NAMESPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field)) // its low half: little-endian
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, what)
#define UNLESS(test, k, steps) BPF_JUMP(BPF_JMP | (test) | BPF_K, k, 0, steps) // leaves out so many steps
#define ALLOW RETURN(SECCOMP_RET_ALLOW)
#define ERROR(code) RETURN(SECCOMP_RET_ERRNO | (code))
#define DENY(call) UNLESS(BPF_JEQ, SYS_##call, 1), ERROR(EPERM)
#define ALLOW_IF(k) UNLESS(BPF_JEQ, k, 1), ALLOW
// Signals to this process only: what names the process is the first argument.
#define ONLY_OWN(call, own) UNLESS(BPF_JEQ, SYS_##call, 4), LOAD(args[0]), ALLOW_IF(own), ERROR(EPERM)

enum dp_filter dp_filter_start(void)
{
	uint32_t own = (uint32_t)getpid();
	struct sock_filter steps[] = {
		LOAD(arch), UNLESS(BPF_JEQ, AUDIT_ARCH_X86_64, 1), BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), RETURN(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr), UNLESS(BPF_JGE, X32, 1), ERROR(EPERM),
		// Other programs, other processes.
		DENY(execve), DENY(execveat), DENY(process_vm_readv), DENY(process_vm_writev), DENY(kcmp), DENY(pidfd_getfd), DENY(pidfd_send_signal),
#ifndef DP_FILTER_SPARES_FORKS
		DENY(fork), DENY(vfork), DENY(ptrace),
		// Threads; no children, no namespaces.
		UNLESS(BPF_JEQ, SYS_clone, 6), LOAD(args[0]), UNLESS(BPF_JSET, NAMESPACES, 1), ERROR(EPERM), UNLESS(BPF_JSET, CLONE_THREAD, 1), ALLOW, ERROR(EPERM),
#endif
		UNLESS(BPF_JEQ, SYS_clone3, 1), ERROR(ENOSYS), // its flags lie in memory; the library takes clone instead
		DENY(unshare), DENY(setns),
		UNLESS(BPF_JEQ, SYS_kill, 7), LOAD(args[1]), ALLOW_IF(0), LOAD(args[0]), ALLOW_IF(own), ERROR(EPERM), // 0 only asks who lives
		ONLY_OWN(tgkill, own), ONLY_OWN(rt_sigqueueinfo, own), ONLY_OWN(rt_tgsigqueueinfo, own), DENY(tkill),
		// Sockets: drivers ask interfaces (ioctl on a datagram socket, netlink); service manager, telemetry and memif are AF_UNIX.
		UNLESS(BPF_JEQ, SYS_socket, 11), LOAD(args[0]), ALLOW_IF(AF_UNIX), ALLOW_IF(AF_NETLINK), UNLESS(BPF_JEQ, AF_INET, 4),
		LOAD(args[1]), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf), ALLOW_IF(SOCK_DGRAM), ERROR(EPERM),
		// File systems.
		DENY(mount), DENY(umount2), DENY(pivot_root), DENY(chroot), DENY(open_tree), DENY(move_mount), DENY(fsopen), DENY(fsconfig), DENY(fsmount),
		DENY(fspick), DENY(mount_setattr), DENY(swapon), DENY(swapoff), DENY(mknod), DENY(mknodat), DENY(open_by_handle_at), DENY(quotactl),
		DENY(fanotify_init), DENY(chown), DENY(fchown), DENY(lchown), DENY(fchownat),
		// The kernel and the machine.
		DENY(bpf), DENY(perf_event_open), DENY(userfaultfd), DENY(init_module), DENY(finit_module), DENY(delete_module), DENY(kexec_load),
		DENY(kexec_file_load), DENY(reboot), DENY(acct), DENY(syslog), DENY(settimeofday), DENY(clock_settime), DENY(adjtimex),
		DENY(clock_adjtime), DENY(sethostname), DENY(setdomainname), DENY(iopl), DENY(ioperm), DENY(modify_ldt), DENY(personality),
		DENY(io_uring_setup), DENY(io_uring_enter), DENY(io_uring_register),
		// Identities and keys.
		DENY(setuid), DENY(setgid), DENY(setreuid), DENY(setregid), DENY(setresuid), DENY(setresgid), DENY(setgroups), DENY(setfsuid),
		DENY(setfsgid), DENY(keyctl), DENY(add_key), DENY(request_key),
		ALLOW,
	};
	struct sock_fprog program = { .len = sizeof steps / sizeof steps[0], .filter = steps };
	// For all threads at once: one that DPDK started before must not be a way out.
	long code = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
	if (code == 0)
		return DP_FILTER_ON;
	return code < 0 && (errno == ENOSYS || errno == EINVAL) ? DP_FILTER_NONE : DP_FILTER_FAILED;
}
