/* Reads one file by each way that Linux has, each in a process of its own:
 *   reads FOLDER [WAY]
 * reads FOLDER/ways-N.txt by the N-th way (from 1) and prints, for each,
 *   WAY PID ok BYTES   or   WAY PID ERRNO CALL
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define LEN 4096
static char *buf; /* page-aligned, below 4 GiB */
static const char *failed = "";

static long fail(const char *call) { failed = call; return -errno; }
#define TRY(call, expr) ({ long r_ = (long)(expr); if (r_ < 0) return fail(call); r_; })

static long take(int fd) { return TRY("read", read(fd, buf, LEN)); }
static int get(const char *path) { return open(path, O_RDONLY); }

static long w_read(const char *p) { return take(TRY("open", get(p))); }
static long w_pread(const char *p) { return TRY("pread", pread(TRY("open", get(p)), buf, LEN, 7)); }
static long w_readv(const char *p) {
    struct iovec v[2] = {{buf, 100}, {buf + 100, 900}};
    return TRY("readv", readv(TRY("open", get(p)), v, 2));
}
static long w_preadv2(const char *p) {
    struct iovec v[2] = {{buf, 100}, {buf + 100, 900}};
    return TRY("preadv2", preadv2(TRY("open", get(p)), v, 2, 33, 0));
}
static long w_aio(const char *p) {
    aio_context_t context = 0;
    TRY("io_setup", syscall(SYS_io_setup, 4, &context));
    struct iocb one = {.aio_fildes = TRY("open", get(p)), .aio_lio_opcode = IOCB_CMD_PREAD,
                       .aio_buf = (uint64_t)(uintptr_t)buf, .aio_nbytes = LEN}, *list[] = {&one};
    TRY("io_submit", syscall(SYS_io_submit, context, 1, list));
    struct io_event event;
    TRY("io_getevents", syscall(SYS_io_getevents, context, 1, 1, &event, NULL));
    return event.res;
}
static long w_direct(const char *p) {
    return take(TRY("open", open(p, O_RDONLY | O_DIRECT)));
}
static long mapped(const char *p, int flags) {
    int fd = TRY("open", get(p));
    char *at = mmap(NULL, LEN, PROT_READ, flags, fd, 0);
    if (at == MAP_FAILED) return fail("mmap");
    memcpy(buf, at, LEN);
    return LEN;
}
static long w_private(const char *p) { return mapped(p, MAP_PRIVATE); }
static long w_shared(const char *p) { return mapped(p, MAP_SHARED); }
static long w_populate(const char *p) { return mapped(p, MAP_PRIVATE | MAP_POPULATE); }
static long w_readahead(const char *p) {
    int fd = TRY("open", get(p));
    TRY("readahead", readahead(fd, 0, LEN));
    return take(fd);
}
static long w_sendfile(const char *p) {
    int fd = TRY("open", get(p)), s[2];
    TRY("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    TRY("sendfile", sendfile(s[0], fd, NULL, 1000));
    return take(s[1]);
}
static long w_splice(const char *p) {
    int fd = TRY("open", get(p)), s[2];
    TRY("pipe", pipe(s));
    TRY("splice", splice(fd, NULL, s[1], NULL, 1000, 0));
    return take(s[0]);
}
static long w_vmsplice(const char *p) {
    int fd = TRY("open", get(p)), s[2];
    char *at = mmap(NULL, LEN, PROT_READ, MAP_PRIVATE, fd, 0);
    if (at == MAP_FAILED) return fail("mmap");
    TRY("pipe", pipe(s));
    struct iovec v = {at, LEN};
    TRY("vmsplice", vmsplice(s[1], &v, 1, 0));
    return take(s[0]);
}
static long w_copy_file_range(const char *p) {
    int fd = TRY("open", get(p));
    int out = TRY("open", open("/tmp/copied", O_RDWR | O_CREAT | O_TRUNC, 0600));
    TRY("copy_file_range", copy_file_range(fd, NULL, out, NULL, 1000, 0));
    lseek(out, 0, SEEK_SET);
    return take(out);
}
static long w_copy_in_world(const char *p) {
    char to[4200];
    snprintf(to, sizeof to, "%s.copy", p);
    int fd = TRY("open", get(p)), out = TRY("open", open(to, O_RDWR | O_CREAT | O_TRUNC, 0600));
    TRY("copy_file_range", copy_file_range(fd, NULL, out, NULL, 1000, 0));
    lseek(out, 0, SEEK_SET);
    return take(out);
}
static long w_openat2(const char *p) {
    struct open_how how = {.flags = O_RDONLY};
    return take(TRY("openat2", syscall(SYS_openat2, AT_FDCWD, p, &how, sizeof how)));
}
static long w_proc_self_fd(const char *p) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%ld", TRY("open", get(p)));
    return take(TRY("open again", get(name)));
}
static long w_o_path(const char *p) {
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%ld", TRY("open", open(p, O_PATH)));
    return take(TRY("open again", get(name)));
}
static long linked(const char *p, int symbolic) {
    char to[4200];
    snprintf(to, sizeof to, "%s.%s", p, symbolic ? "symlink" : "link");
    if (symbolic) TRY("symlink", symlink(p, to)); else TRY("link", link(p, to));
    return take(TRY("open", get(to)));
}
static long w_hard_link(const char *p) { return linked(p, 0); }
static long w_symbolic_link(const char *p) { return linked(p, 1); }
static char folder[4096];
static const char *base(const char *p) { return strrchr(p, '/') + 1; }
static long w_bind_mount(const char *p) {
    mkdir("/tmp/bound", 0755);
    TRY("mount", mount(folder, "/tmp/bound", NULL, MS_BIND, NULL));
    char name[4200];
    snprintf(name, sizeof name, "/tmp/bound/%s", base(p));
    return take(TRY("open", get(name)));
}
static long w_overlay(const char *p) {
    (void)p;
    char options[5000];
    mkdir("/tmp/over", 0755);
    snprintf(options, sizeof options, "lowerdir=%s:/tmp", folder);
    TRY("mount", mount("overlay", "/tmp/over", "overlay", 0, options));
    return 0;
}
static long w_chroot(const char *p) {
    TRY("chroot", chroot(folder));
    TRY("chdir", chdir("/"));
    return take(TRY("open", get(base(p))));
}
static long w_pivot_root(const char *p) {
    TRY("pivot_root", syscall(SYS_pivot_root, folder, folder));
    return take(TRY("open", get(base(p))));
}
static long w_inherited(const char *p) {
    char name[64];
    snprintf(name, sizeof name, "exec head -c 1000 <&%ld", TRY("open", get(p)));
    int s[2];
    TRY("pipe", pipe(s));
    if (fork() == 0) { dup2(s[1], 1); execl("/bin/sh", "sh", "-c", name, NULL); _exit(1); }
    close(s[1]);
    return take(s[0]);
}
static long pass(int s, int fd) {
    char byte = 0, control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec v = {&byte, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd)};
    if (fd >= 0) { memcpy(CMSG_DATA(c), &fd, sizeof fd); return sendmsg(s, &m, 0); }
    if (recvmsg(s, &m, 0) < 0) return -1;
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    return fd;
}
static long w_scm_rights(const char *p) {
    int s[2];
    TRY("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    if (fork() == 0) { pass(s[1], get(p)); _exit(0); }
    return take(TRY("recvmsg", pass(s[0], -1)));
}
static long w_pidfd_getfd(const char *p) {
    int s[2], fd = -1;
    TRY("pipe", pipe(s));
    pid_t child = fork();
    if (child == 0) { fd = get(p); (void)!write(s[1], &fd, sizeof fd); pause(); }
    (void)!read(s[0], &fd, sizeof fd);
    int held = TRY("pidfd_open", syscall(SYS_pidfd_open, child, 0));
    long got = syscall(SYS_pidfd_getfd, held, fd, 0);
    int error = errno;
    kill(child, SIGKILL);
    errno = error;
    return take(TRY("pidfd_getfd", got));
}
static const char *wanted;
static void *in_thread(void *none) { (void)none; return (void *)w_read(wanted); }
static long w_thread(const char *p) {
    pthread_t thread;
    void *got;
    wanted = p;
    pthread_create(&thread, NULL, in_thread, NULL);
    pthread_join(thread, &got);
    return (long)got;
}
/* What a child read, through shared memory. */
static long child_reads(const char *p, pid_t (*make)(void)) {
    long *got = mmap(NULL, LEN, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *got = -EIO;
    pid_t child = make();
    if (child == 0) { *got = w_read(p); _exit(0); }
    TRY("fork", child);
    waitpid(child, NULL, 0);
    return *got;
}
static pid_t by_fork(void) { return fork(); }
static long w_fork(const char *p) { return child_reads(p, by_fork); }
static long w_vfork(const char *p) {
    static volatile long got;
    pid_t child = vfork();
    if (child == 0) {
        int fd = open(p, O_RDONLY);
        got = read(fd, buf, LEN);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    return got;
}
static long w_daemon(const char *p) {
    int s[2];
    TRY("pipe", pipe(s));
    if (fork() == 0) {
        setsid();
        if (fork() == 0) { usleep(50000); long got = w_read(p); (void)!write(s[1], &got, sizeof got); }
        _exit(0);
    }
    wait(NULL);
    long got = -EIO;
    (void)!read(s[0], &got, sizeof got);
    return got;
}
static pid_t by_namespaces(void) {
    if (unshare(CLONE_NEWUSER | CLONE_NEWPID) < 0) { return -1; }
    return fork();
}
static long w_namespaces(const char *p) {
    long got = child_reads(p, by_namespaces);
    if (got < 0) failed = "unshare";
    return got;
}
static long runs(const char *p, const char *script) {
    int s[2];
    TRY("pipe", pipe(s));
    if (fork() == 0) { dup2(s[1], 1); execl("/bin/sh", "sh", "-c", script, "sh", p, NULL); _exit(1); }
    close(s[1]);
    wait(NULL);
    return take(s[0]);
}
static long w_exec(const char *p) { return runs(p, "exec cat \"$1\""); }
static long w_script(const char *p) { return runs(p, "while read -r line; do echo \"$line\"; done <\"$1\""); }
static long w_run_it(const char *p) {
    TRY("chmod", chmod(p, 0755));
    return runs(p, "\"$1\" 2>/dev/null; echo run");
}
static long call32(long number, long a, long b, long c) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
    if (result < 0) { errno = -result; return -1; }
    return result;
}
static long w_32_bit(const char *p) {
    char *low = buf + LEN;
    strcpy(low, p);
    int fd = TRY("open (32 bit)", call32(5, (long)low, O_RDONLY, 0));
    return TRY("read (32 bit)", call32(3, fd, (long)buf, LEN));
}
/* A child that has read the file stands still; what it has is looked for in its memory. */
static long memory(const char *p, int how) {
    int s[2];
    TRY("pipe", pipe(s));
    pid_t child = fork();
    if (child == 0) { long got = w_read(p); (void)!write(s[1], &got, sizeof got); pause(); _exit(0); }
    long got = -EIO, looked = -1;
    (void)!read(s[0], &got, sizeof got);
    memset(buf, 0, LEN);
    if (how == 0) {
        struct iovec here = {buf, LEN}, there = {buf, LEN};
        looked = process_vm_readv(child, &here, 1, &there, 1, 0);
        failed = "process_vm_readv";
    } else if (how == 1) {
        char name[64];
        snprintf(name, sizeof name, "/proc/%d/mem", child);
        int fd = get(name);
        looked = fd < 0 ? -1 : pread(fd, buf, LEN, (off_t)(uintptr_t)buf);
        failed = "open /proc/PID/mem";
    } else {
        failed = "ptrace";
        looked = ptrace(PTRACE_SEIZE, child, NULL, NULL);
        if (looked == 0 && ptrace(PTRACE_INTERRUPT, child, NULL, NULL) == 0) {
            waitpid(child, NULL, 0);
            errno = 0;
            *(long *)buf = ptrace(PTRACE_PEEKDATA, child, buf, NULL);
            looked = errno ? -1 : (long)sizeof(long);
        }
    }
    int error = errno;
    kill(child, SIGKILL);
    return looked < 0 ? -error : looked;
}
static long w_process_vm_readv(const char *p) { return memory(p, 0); }
static long w_proc_mem(const char *p) { return memory(p, 1); }
static long w_ptrace(const char *p) { return memory(p, 2); }
static long w_handle(const char *p) {
    char space[sizeof(struct file_handle) + 128];
    struct file_handle *handle = (void *)space;
    handle->handle_bytes = 128;
    int mount_id;
    TRY("name_to_handle_at", name_to_handle_at(AT_FDCWD, p, handle, &mount_id, 0));
    int at = TRY("open", open(folder, O_RDONLY | O_DIRECTORY));
    return take(TRY("open_by_handle_at", open_by_handle_at(at, handle, O_RDONLY)));
}
static long w_io_uring(const char *p) {
    (void)p;
    char parameters[120] = {0};
    return TRY("io_uring_setup", syscall(SYS_io_uring_setup, 4, parameters));
}
static long w_fanotify(const char *p) {
    int group = TRY("fanotify_init", fanotify_init(FAN_CLASS_NOTIF, O_RDONLY));
    TRY("fanotify_mark", fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, p));
    close(get(p));
    struct fanotify_event_metadata event;
    TRY("read", read(group, &event, sizeof event));
    return take(event.fd);
}
static long w_core_dump(const char *p) {
    struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
    TRY("setrlimit", setrlimit(RLIMIT_CORE, &all));
    TRY("chdir", chdir("/tmp"));
    pid_t child = fork();
    if (child == 0) { w_read(p); abort(); }
    waitpid(child, NULL, 0);
    char name[64];
    snprintf(name, sizeof name, "/tmp/core.%d", child);
    int fd = get(name);
    return take(TRY("open the core", fd < 0 ? get("/tmp/core") : fd));
}

static const struct { const char *name; long (*way)(const char *); } ways[] = {
    {"read", w_read}, {"pread", w_pread}, {"readv", w_readv}, {"preadv2", w_preadv2},
    {"aio", w_aio}, {"o-direct", w_direct}, {"mmap-private", w_private}, {"mmap-shared", w_shared},
    {"map-populate", w_populate}, {"readahead", w_readahead}, {"sendfile", w_sendfile},
    {"splice", w_splice}, {"vmsplice", w_vmsplice}, {"copy-file-range", w_copy_file_range},
    {"copy-file-range-in-world", w_copy_in_world}, {"openat2", w_openat2},
    {"proc-self-fd", w_proc_self_fd}, {"o-path", w_o_path}, {"hard-link", w_hard_link},
    {"symbolic-link", w_symbolic_link}, {"bind-mount", w_bind_mount}, {"overlay", w_overlay},
    {"chroot", w_chroot}, {"pivot-root", w_pivot_root}, {"inherited-descriptor", w_inherited},
    {"scm-rights", w_scm_rights}, {"pidfd-getfd", w_pidfd_getfd}, {"thread", w_thread},
    {"fork", w_fork}, {"vfork", w_vfork}, {"double-fork-daemon", w_daemon},
    {"user-and-pid-namespace", w_namespaces}, {"exec", w_exec}, {"script", w_script},
    {"run-it", w_run_it}, {"32-bit-calls", w_32_bit}, {"process-vm-readv", w_process_vm_readv},
    {"proc-pid-mem", w_proc_mem}, {"ptrace", w_ptrace}, {"open-by-handle-at", w_handle},
    {"io-uring", w_io_uring}, {"fanotify", w_fanotify}, {"core-dump", w_core_dump},
};

int main(int count, char **arguments) {
    if (count < 2) return 2;
    snprintf(folder, sizeof folder, "%s", arguments[1]);
    buf = mmap(NULL, 4 * LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (buf == MAP_FAILED) return 2;
    for (size_t n = 0; n < sizeof ways / sizeof *ways; n++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            char path[4200];
            snprintf(path, sizeof path, "%s/ways-%zu.txt", folder, n + 1);
            alarm(20);
            long got = ways[n].way(path);
            if (got < 0) printf("%s %s %s\n", ways[n].name, strerrorname_np(-got), failed);
            else printf("%s ok %ld\n", ways[n].name, got);
            fflush(stdout);
            _exit(0);
        }
        int status;
        waitpid(child, &status, 0);
        if (WIFSIGNALED(status)) printf("%s SIGNAL %d\n", ways[n].name, WTERMSIG(status));
    }
    return 0;
}
