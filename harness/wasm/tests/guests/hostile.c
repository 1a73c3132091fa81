/* Tries one bad thing, named by its first argument, and prints what came of it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wasi/api.h>

#define ROOT 3
#define FOLLOW __WASI_LOOKUPFLAGS_SYMLINK_FOLLOW

static int opens(const char *path) {
    __wasi_fd_t fd;
    return __wasi_path_open(ROOT, FOLLOW, path, 0, __WASI_RIGHTS_FD_READ, 0, 0, &fd) == 0;
}

static void symbolic(const char *target, const char *path) {
    (void)__wasi_path_symlink(target, ROOT, path);
}

/* Paths that lead out: none may open. */
static int escapes(void) {
    static char deep[3 * 2000 + 16];
    int out = 0;
    for (int i = 0; i < 2000; i++) {
        strcat(deep, "../");
    }
    strcat(deep, "etc/passwd");
    const char *const paths[] = {
        "..", "../", "../etc/passwd", "/etc/passwd", "//etc/passwd", "home/../../etc/passwd",
        "home/exercise/../../../etc/passwd", "./../etc/passwd", "home/./.././../etc/passwd", deep,
        "proc/self/root/etc/passwd", "dev/null", "\\..\\etc\\passwd", "home/exercise/..%2f..",
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        out += opens(paths[i]);
    }
    const char *const targets[] = {"../../..", "/", "..", "exercise/../../../etc", "up/../up"};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char name[64], path[96];
        snprintf(name, sizeof name, "home/up%zu", i);
        /* To make it is one thing; to go through it another. */
        symbolic(targets[i], name);
        snprintf(path, sizeof path, "%s/../etc/passwd", name);
        out += opens(path);
    }
    printf("out %d\n", out);
    return out != 0;
}

/* Links that go round, and a long row of them. */
static int links(void) {
    int opened = 0;
    symbolic("b", "a");
    symbolic("a", "b");
    symbolic("self/self", "self");
    for (int i = 0; i < 1000; i++) {
        char name[16], to[16];
        snprintf(name, sizeof name, "l%d", i);
        snprintf(to, sizeof to, "l%d", i + 1);
        symbolic(to, name);
    }
    opened += opens("a") + opens("a/x") + opens("self") + opens("l0") + opens("l0/x");
    printf("opened %d\n", opened);
    return opened != 0;
}

/* More descriptors than there may be. */
static int descriptors(void) {
    int count = 0;
    while (count < 5000000 && open("/home/exercise/clean.txt", O_RDONLY) >= 0) {
        count++;
    }
    printf("opened %d\n", count);
    return 0;
}

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
IMPORT("wasi:filesystem/preopens@0.2.12", "get-directories") extern void directories(int32_t *list);
IMPORT("wasi:filesystem/types@0.2.12", "[method]descriptor.open-at")
extern void open_at(int32_t self, int32_t look, const char *path, size_t len, int32_t how,
                    int32_t flags, int32_t *result);

/* The same by WASI 0.2, which has no table of its own in between. */
static int handles(void) {
    int32_t list[2], result[2];
    int count = 0;
    directories(list);
    int32_t root = *(int32_t *)list[0];
    for (; count < 5000000; count++) {
        open_at(root, 0, "home", 4, 0, 1, result);
        if (*(uint8_t *)result != 0) {
            break;
        }
    }
    printf("opened %d\n", count);
    return 0;
}

/* A listing goes on while names go and come. */
static int deletion(void) {
    char path[64];
    int seen = 0;
    mkdir("/many", 0700);
    for (int i = 0; i < 500; i++) {
        snprintf(path, sizeof path, "/many/n%d", i);
        mkdir(path, 0700);
    }
    DIR *directory = opendir("/many");
    struct dirent *entry;
    while (directory != NULL && (entry = readdir(directory)) != NULL && seen < 100000) {
        seen++;
        for (int i = 0; i < 2; i++) {
            snprintf(path, sizeof path, "/many/n%d", (seen * 2 + i) % 500);
            rmdir(path);
        }
        snprintf(path, sizeof path, "/many/new%d", seen);
        mkdir(path, 0700);
        if (seen == 300) {
            rename("/many", "/moved");
            mkdir("/many", 0700);
        }
    }
    if (directory != NULL) {
        closedir(directory);
    }
    printf("ended after %s entries\n", seen < 100000 ? "finitely many" : "too many");
    return 0;
}

/* Files and folders without end. */
static int nodes(void) {
    char path[64];
    int count = 0;
    for (; count < 5000000; count++) {
        snprintf(path, sizeof path, "/n%d", count);
        if (mkdir(path, 0700) != 0) {
            break;
        }
    }
    printf("made %d\n", count);
    return 0;
}

/* One file larger than the disk. */
static int disk(void) {
    static char block[1 << 20];
    int fd = open("/big", O_RDWR | O_CREAT, 0600);
    long long count = 0;
    while (count < 1 << 16 && write(fd, block, sizeof block) == (ssize_t)sizeof block) {
        count++;
    }
    int far = ftruncate(fd, (off_t)1 << 62) == 0;
    int sparse = pwrite(fd, "x", 1, ((off_t)1 << 62)) == 1;
    printf("wrote %lld MiB, far %d %d\n", count, far, sparse);
    return 0;
}

/* Output without end. */
static int output(void) {
    static char line[4096];
    memset(line, 'x', sizeof line);
    for (long i = 0; i < 1L << 30; i++) {
        fwrite(line, 1, sizeof line, i % 2 ? stdout : stderr);
    }
    return 0;
}

/* Deep directories, and paths longer than any. */
static int paths(void) {
    static char path[1 << 20];
    int deep = 0;
    for (; deep < 5000; deep++) {
        strcat(path, "/d");
        if (mkdir(path, 0700) != 0) {
            break;
        }
    }
    memset(path, 'a', sizeof path - 1);
    path[sizeof path - 1] = 0;
    int long_name = opens(path);
    for (size_t i = 1; i < sizeof path - 1; i += 2) {
        path[i] = '/';
    }
    printf("deep %d, long %d %d\n", deep, long_name, opens(path));
    return 0;
}

/* Allocations larger than the guest may have. */
static int memory(void) {
    static void *volatile kept;
    size_t got = 0;
    for (size_t size = (size_t)1 << 30; size >= 1 << 16; size /= 2) {
        void *bytes = malloc(size);
        if (bytes != NULL) {
            memset(bytes, 1, size);
            kept = bytes;
            got += size;
        }
    }
    printf("got %zu MiB\n", got >> 20);
    return 0;
}

/* Lengths and pointers that the guest does not have. */
static int pointers(int which) {
    static __wasi_iovec_t many[1 << 16];
    __wasi_size_t count;
    __wasi_fd_t fd;
    uint8_t *const out = (uint8_t *)0xfffffff0u;
    switch (which) {
    case 0: return __wasi_random_get(out, 64);
    case 1: return __wasi_random_get((uint8_t *)1024, 0xffffffff);
    case 2: return __wasi_fd_read(0, (__wasi_iovec_t *)out, 4, &count);
    case 3:
        for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
            many[i] = (__wasi_iovec_t){(uint8_t *)4096, 0x7fffffff};
        }
        return __wasi_fd_read(0, many, sizeof many / sizeof *many, &count);
    case 4: return __wasi_path_open(ROOT, 0, (const char *)out, 0, 0, 0, 0, &fd);
    case 5: return __wasi_fd_readdir(ROOT, out, 0xffff, 0, &count);
    case 6: return __wasi_args_get((uint8_t **)out, out);
    case 7: return __wasi_poll_oneoff((__wasi_subscription_t *)out, (__wasi_event_t *)out, 0xffff,
                                      &count);
    case 8: return __wasi_fd_prestat_dir_name(ROOT, out, 0xffff);
    case 9: return __wasi_clock_time_get(0, 0, (__wasi_timestamp_t *)out);
    default: return __wasi_fd_write(1, (const __wasi_ciovec_t *)out, 0xffff, &count);
    }
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*act)(void);
    } acts[] = {
        {"escapes", escapes}, {"links", links},   {"descriptors", descriptors},
        {"handles", handles},
        {"deletion", deletion}, {"nodes", nodes}, {"disk", disk},
        {"output", output},   {"paths", paths},   {"memory", memory},
    };
    for (size_t i = 0; argc > 1 && i < sizeof acts / sizeof *acts; i++) {
        if (strcmp(argv[1], acts[i].name) == 0) {
            return acts[i].act();
        }
    }
    return argc > 2 ? pointers(atoi(argv[2])) : 2;
}
