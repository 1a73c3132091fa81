/* Goes through every file call of WASI preview 1 below its preopened directory and prints what each
 * gave: the same lines must come from belljar's hosts and from the published ones. */
#include <stdio.h>
#include <string.h>
#include <wasi/api.h>

static char text[1 << 16];
#define ROOT 3

static void told(const char *what, __wasi_errno_t error) {
    printf("%s -> %d\n", what, error);
}

static __wasi_fd_t opened(const char *path, int look, int how, unsigned long long rights, int flags) {
    __wasi_fd_t fd = 0;
    __wasi_errno_t error = __wasi_path_open(ROOT, look ? __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW : 0,
                                            path, how, rights, rights, flags, &fd);
    printf("open %s look=%d how=%d rights=%llx flags=%d -> %d\n", path, look, how, rights, flags,
           error);
    return error == 0 ? fd : 0;
}

#define READ __WASI_RIGHTS_FD_READ
#define WRITE __WASI_RIGHTS_FD_WRITE
#define BOTH (READ | WRITE)
#define CREATE __WASI_OFLAGS_CREAT
#define DIRECTORY __WASI_OFLAGS_DIRECTORY
#define NEW __WASI_OFLAGS_EXCL
#define EMPTY __WASI_OFLAGS_TRUNC

static void write_at(__wasi_fd_t fd, const char *bytes, long long at) {
    __wasi_ciovec_t piece = {(const uint8_t *)bytes, strlen(bytes)};
    __wasi_size_t count = 0;
    __wasi_errno_t error = at < 0 ? __wasi_fd_write(fd, &piece, 1, &count)
                                  : __wasi_fd_pwrite(fd, &piece, 1, (__wasi_filesize_t)at, &count);
    printf("write %s at %lld -> %d %lu\n", bytes, at, error, error ? 0ul : (unsigned long)count);
}

static void read_at(__wasi_fd_t fd, size_t len, long long at) {
    __wasi_iovec_t piece = {(uint8_t *)text, len};
    __wasi_size_t count = 0;
    __wasi_errno_t error = at < 0 ? __wasi_fd_read(fd, &piece, 1, &count)
                                  : __wasi_fd_pread(fd, &piece, 1, (__wasi_filesize_t)at, &count);
    printf("read %zu at %lld -> %d", len, at, error);
    if (error == 0) {
        printf(" %lu ", (unsigned long)count);
        for (size_t i = 0; i < count; i++) {
            putchar(text[i] >= ' ' && text[i] < 127 ? text[i] : '.');
        }
    }
    putchar('\n');
}

static void seek(__wasi_fd_t fd, long long by, int whence) {
    __wasi_filesize_t now = 0;
    __wasi_errno_t error = __wasi_fd_seek(fd, by, (uint8_t)whence, &now);
    printf("seek %lld from %d -> %d %llu\n", by, whence, error, error ? 0 : now);
}

static void state(const char *path, int look) {
    __wasi_filestat_t stat;
    __wasi_errno_t error = __wasi_path_filestat_get(
        ROOT, look ? __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW : 0, path, &stat);
    printf("stat %s look=%d -> %d", path, look, error);
    if (error == 0) {
        printf(" type %d", stat.filetype);
        if (stat.filetype != __WASI_FILETYPE_DIRECTORY) {
            printf(" size %llu links %llu", stat.size, stat.nlink);
        }
    }
    putchar('\n');
}

static void state_of(__wasi_fd_t fd) {
    __wasi_filestat_t stat;
    __wasi_errno_t error = __wasi_fd_filestat_get(fd, &stat);
    printf("fstat -> %d", error);
    if (error == 0 && stat.filetype != __WASI_FILETYPE_DIRECTORY) {
        printf(" type %d size %llu links %llu", stat.filetype, stat.size, stat.nlink);
    }
    putchar('\n');
}

static void make(const char *path) {
    printf("mkdir %s -> %d\n", path, __wasi_path_create_directory(ROOT, path));
}
static void drop_directory(const char *path) {
    printf("rmdir %s -> %d\n", path, __wasi_path_remove_directory(ROOT, path));
}
static void drop_file(const char *path) {
    printf("unlink %s -> %d\n", path, __wasi_path_unlink_file(ROOT, path));
}
static void move(const char *from, const char *to) {
    printf("rename %s %s -> %d\n", from, to, __wasi_path_rename(ROOT, from, ROOT, to));
}
static void symbolic(const char *target, const char *path) {
    printf("symlink %s %s -> %d\n", target, path, __wasi_path_symlink(target, ROOT, path));
}
static void hard(const char *from, const char *to, int look) {
    printf("link %s %s look=%d -> %d\n", from, to, look,
           __wasi_path_link(ROOT, look ? __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW : 0, from, ROOT, to));
}
static void target(const char *path) {
    __wasi_size_t len = 0;
    __wasi_errno_t error = __wasi_path_readlink(ROOT, path, (uint8_t *)text, 256, &len);
    printf("readlink %s -> %d %.*s\n", path, error, error ? 0 : (int)len, text);
}

static void list(const char *path) {
    __wasi_fd_t fd = 0;
    __wasi_errno_t error =
        __wasi_path_open(ROOT, 0, path, DIRECTORY, __WASI_RIGHTS_FD_READDIR, 0, 0, &fd);
    printf("list %s -> %d\n", path, error);
    if (error != 0) {
        return;
    }
    static char names[64][300];
    int count = 0;
    __wasi_dircookie_t cookie = 0;
    for (;;) {
        __wasi_size_t used = 0;
        error = __wasi_fd_readdir(fd, (uint8_t *)text, 4096, cookie, &used);
        if (error != 0 || used == 0) {
            break;
        }
        size_t at = 0;
        while (used - at >= sizeof(__wasi_dirent_t)) {
            __wasi_dirent_t entry;
            memcpy(&entry, text + at, sizeof entry);
            if (used - at - sizeof entry < entry.d_namlen) {
                break;
            }
            if (count < 64) {
                snprintf(names[count++], 300, "%.*s type %d", (int)entry.d_namlen,
                         text + at + sizeof entry, entry.d_type);
            }
            at += sizeof entry + entry.d_namlen;
            cookie = entry.d_next;
        }
        if (used < 4096) {
            break;
        }
    }
    /* The order of names is each file system's own. */
    for (int i = 0; i < count; i++) {
        for (int j = i + 1; j < count; j++) {
            if (strcmp(names[i], names[j]) > 0) {
                char other[300];
                strcpy(other, names[i]);
                strcpy(names[i], names[j]);
                strcpy(names[j], other);
            }
        }
    }
    for (int i = 0; i < count; i++) {
        printf("  %s\n", names[i]);
    }
    told("close", __wasi_fd_close(fd));
}

int main(void) {
    __wasi_fd_t fd;
    /* Making, writing, reading. */
    fd = opened("a", 1, 0, BOTH, 0);
    fd = opened("a", 1, CREATE, BOTH, 0);
    write_at(fd, "hello, world", -1);
    read_at(fd, 5, -1);
    seek(fd, 0, 0);
    read_at(fd, 5, -1);
    seek(fd, -2, 2);
    read_at(fd, 50, -1);
    read_at(fd, 50, -1);
    seek(fd, -100, 1);
    seek(fd, 3, 7);
    read_at(fd, 4, 7);
    read_at(fd, 4, 700);
    write_at(fd, "XX", 2);
    write_at(fd, "far", 40);
    state_of(fd);
    __wasi_filesize_t place = 0;
    told("tell", __wasi_fd_tell(fd, &place));
    printf("at %llu\n", place);
    told("datasync", __wasi_fd_datasync(fd));
    told("sync", __wasi_fd_sync(fd));
    told("advise", __wasi_fd_advise(fd, 0, 10, 1));
    told("allocate", __wasi_fd_allocate(fd, 0, 100));
    told("set size", __wasi_fd_filestat_set_size(fd, 20));
    state_of(fd);
    told("set size", __wasi_fd_filestat_set_size(fd, 60));
    read_at(fd, 64, 0);
    __wasi_fdstat_t how;
    told("fdstat", __wasi_fd_fdstat_get(fd, &how));
    printf("type %d flags %d\n", how.fs_filetype, how.fs_flags);
    told("close", __wasi_fd_close(fd));
    told("close", __wasi_fd_close(fd));
    /* Rights. */
    fd = opened("a", 1, 0, READ, 0);
    write_at(fd, "no", -1);
    write_at(fd, "no", 3);
    told("set size", __wasi_fd_filestat_set_size(fd, 1));
    told("close", __wasi_fd_close(fd));
    fd = opened("a", 1, 0, WRITE, 0);
    read_at(fd, 3, -1);
    read_at(fd, 3, 0);
    write_at(fd, "yes", 0);
    told("close", __wasi_fd_close(fd));
    /* Appending. */
    fd = opened("a", 1, 0, BOTH, __WASI_FDFLAGS_APPEND);
    write_at(fd, "end", -1);
    seek(fd, 0, 0);
    write_at(fd, "END", -1);
    state_of(fd);
    told("close", __wasi_fd_close(fd));
    /* Flags of opening. */
    opened("a", 1, CREATE | NEW, BOTH, 0);
    fd = opened("b", 1, CREATE | NEW, BOTH, 0);
    write_at(fd, "b", -1);
    told("close", __wasi_fd_close(fd));
    fd = opened("b", 1, EMPTY, BOTH, 0);
    state_of(fd);
    told("close", __wasi_fd_close(fd));
    opened("a", 1, DIRECTORY, READ, 0);
    opened("a/", 1, 0, READ, 0);
    opened("a/x", 1, 0, READ, 0);
    opened("new/", 1, CREATE, BOTH, 0);
    opened("no/new", 1, CREATE, BOTH, 0);
    opened("", 1, 0, READ, 0);
    opened(".", 1, DIRECTORY, READ, 0);
    opened("..", 1, DIRECTORY, READ, 0);
    opened("/", 1, DIRECTORY, READ, 0);
    opened("/etc/passwd", 1, 0, READ, 0);
    opened("d/../../etc", 1, 0, READ, 0);
    /* Directories. */
    make("d");
    make("d");
    make("a");
    make("a/d");
    make("no/d");
    make("d/");
    make("e/");
    make("");
    make(".");
    make("..");
    opened("d", 1, 0, BOTH, 0);
    opened("d", 1, CREATE, BOTH, 0);
    opened("d", 1, 0, READ, 0);
    opened("d/../a", 1, 0, READ, 0);
    opened("d/.", 1, DIRECTORY, READ, 0);
    state("d", 1);
    state("d/", 1);
    state("a/", 1);
    state("no", 1);
    state("no/no", 1);
    state("a/no", 1);
    state("..", 1);
    state(".", 1);
    state("", 1);
    opened("d/f", 1, CREATE, BOTH, 0);
    list(".");
    list("d");
    list("a");
    list("no");
    /* Links. */
    symbolic("a", "s");
    symbolic("a", "s");
    symbolic("/etc/passwd", "absolute");
    symbolic("", "nothing");
    symbolic("../outside", "up");
    symbolic("d", "sd");
    symbolic("loop", "loop");
    symbolic("dangling-target", "dangling");
    symbolic("a", "slash/");
    symbolic("x", "no/x");
    target("s");
    target("a");
    target("no");
    target("up");
    target("d");
    state("s", 1);
    state("s", 0);
    state("up", 1);
    state("loop", 1);
    state("loop", 0);
    state("dangling", 1);
    state("sd/f", 1);
    state("sd/", 0);
    state("sd/../a", 1);
    opened("s", 0, 0, READ, 0);
    opened("s", 1, 0, READ, 0);
    opened("up", 1, 0, READ, 0);
    opened("loop", 1, 0, READ, 0);
    opened("sd", 0, DIRECTORY, READ, 0);
    opened("sd", 1, DIRECTORY, READ, 0);
    fd = opened("dangling", 1, CREATE, BOTH, 0);
    opened("dangling", 1, CREATE | NEW, BOTH, 0);
    state("dangling-target", 1);
    make("dangling");
    make("s");
    hard("a", "h", 0);
    hard("a", "h", 0);
    hard("d", "hd", 0);
    hard("no", "hn", 0);
    hard("s", "hs", 0);
    hard("s", "hf", 1);
    hard("a", "no/h", 0);
    hard("a", "../h", 0);
    state("a", 1);
    state("hs", 0);
    list(".");
    /* Times. */
    told("times", __wasi_path_filestat_set_times(
                      ROOT, 1, "a", 1000000007, 2000000009,
                      __WASI_FSTFLAGS_ATIM | __WASI_FSTFLAGS_MTIM));
    __wasi_filestat_t stat;
    told("stat", __wasi_path_filestat_get(ROOT, 1, "a", &stat));
    printf("times %llu %llu\n", stat.atim, stat.mtim);
    fd = opened("a", 1, 0, BOTH, 0);
    told("times", __wasi_fd_filestat_set_times(fd, 5000000000ull, 6000000001ull,
                                               __WASI_FSTFLAGS_MTIM));
    told("fstat", __wasi_fd_filestat_get(fd, &stat));
    printf("times %llu %llu\n", stat.atim, stat.mtim);
    told("times", __wasi_path_filestat_set_times(ROOT, 0, "s", 7000000000ull, 8000000000ull,
                                                 __WASI_FSTFLAGS_MTIM));
    told("stat", __wasi_path_filestat_get(ROOT, 0, "s", &stat));
    printf("times %llu\n", stat.mtim);
    told("times", __wasi_path_filestat_set_times(ROOT, 1, "no", 1, 1, __WASI_FSTFLAGS_MTIM));
    told("times", __wasi_path_filestat_set_times(
                      ROOT, 1, "a", 1, 1, __WASI_FSTFLAGS_MTIM | __WASI_FSTFLAGS_MTIM_NOW));
    told("close", __wasi_fd_close(fd));
    /* Renaming. */
    move("b", "c");
    move("b", "c");
    move("c", "d");
    move("d", "c");
    move("d", "d/inside");
    move("d", "e");
    state("e/f", 1);
    make("d");
    move("d", "e");
    move("e", "d");
    move("a", "a");
    move("a", "h");
    state("a", 1);
    move("a", "a2/");
    move("d", "e/");
    move("e", "d");
    move(".", "x");
    move("d", ".");
    move("..", "x");
    move("a", "../x");
    move("a", "no/x");
    move("s", "s2");
    state("s2", 0);
    move("d/f", "f");
    list(".");
    list("d");
    /* Taking away. */
    drop_file("no");
    drop_file("d");
    drop_file("a/");
    drop_file("s2");
    drop_file("sd/");
    drop_file(".");
    drop_file("..");
    drop_directory("no");
    drop_directory("a");
    drop_directory("sd");
    drop_directory(".");
    drop_directory("..");
    opened("d/g", 1, CREATE, BOTH, 0);
    drop_directory("d");
    drop_file("d/g");
    drop_directory("d/");
    drop_directory("d");
    /* What is open stays. */
    fd = opened("f", 1, 0, BOTH, 0);
    write_at(fd, "still here", 0);
    drop_file("f");
    read_at(fd, 20, 0);
    state_of(fd);
    state("f", 1);
    told("close", __wasi_fd_close(fd));
    make("gone");
    __wasi_fd_t gone = opened("gone", 1, DIRECTORY, READ, 0);
    drop_directory("gone");
    __wasi_fd_t inside = 0;
    told("open in it", __wasi_path_open(gone, 0, "x", CREATE, BOTH, BOTH, 0, &inside));
    told("mkdir in it", __wasi_path_create_directory(gone, "x"));
    told("close", __wasi_fd_close(gone));
    /* A listing goes on while names go. */
    make("many");
    int left = 0;
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/n%02d", i);
        left += __wasi_path_create_directory(ROOT, name) != 0;
    }
    printf("%d not made\n", left);
    list("many");
    for (int i = 0; i < 40; i++) {
        char name[32];
        snprintf(name, sizeof name, "many/n%02d", i);
        left += __wasi_path_remove_directory(ROOT, name) != 0;
    }
    printf("%d left\n", left);
    drop_directory("many");
    /* Names. */
    memset(text, 'n', 255);
    text[255] = 0;
    char *name = text + 1000;
    memcpy(name, text, 256);
    printf("long name -> %d\n", __wasi_path_create_directory(ROOT, name));
    printf("long name -> %d\n", __wasi_path_remove_directory(ROOT, name));
    name[255] = 'n';
    name[256] = 0;
    printf("too long name -> %d\n", __wasi_path_create_directory(ROOT, name));
    make("\xc3\xa4");
    list(".");
    drop_directory("\xc3\xa4");
    /* Numbers of descriptors. */
    told("close root twice", __wasi_fd_close(77));
    fd = opened("a", 1, 0, READ, 0);
    told("renumber", __wasi_fd_renumber(fd, 60));
    read_at(60, 4, 0);
    told("close", __wasi_fd_close(60));
    return 0;
}
