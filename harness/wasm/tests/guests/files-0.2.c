/* Goes through every call of wasi:filesystem@0.2 and its streams, declared by hand in the canonical
 * ABI, below its preopened directory, and prints what each gave: the same lines must come from
 * belljar's hosts and from the published ones. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMPORT(module, name) __attribute__((import_module(module), import_name(name)))
#define TYPES "wasi:filesystem/types@0.2.12"
#define STREAMS "wasi:io/streams@0.2.12"
#define DESCRIPTOR(name) IMPORT(TYPES, "[method]descriptor." name) extern

IMPORT("wasi:filesystem/preopens@0.2.12", "get-directories") extern void directories(int32_t *list);
DESCRIPTOR("read-via-stream") void via_read(int32_t self, uint64_t at, int32_t *result);
DESCRIPTOR("write-via-stream") void via_write(int32_t self, uint64_t at, int32_t *result);
DESCRIPTOR("append-via-stream") void via_append(int32_t self, int32_t *result);
DESCRIPTOR("advise") void d_advise(int32_t self, uint64_t at, uint64_t len, int32_t how, uint8_t *r);
DESCRIPTOR("sync-data") void d_sync_data(int32_t self, uint8_t *result);
DESCRIPTOR("get-flags") void d_flags(int32_t self, uint8_t *result);
DESCRIPTOR("get-type") void d_type(int32_t self, uint8_t *result);
DESCRIPTOR("set-size") void d_set_size(int32_t self, uint64_t len, uint8_t *result);
DESCRIPTOR("set-times")
void d_set_times(int32_t self, int32_t a, int64_t a_s, int32_t a_ns, int32_t m, int64_t m_s,
                 int32_t m_ns, uint8_t *result);
DESCRIPTOR("read") void d_read(int32_t self, uint64_t len, uint64_t at, int32_t *result);
DESCRIPTOR("write")
void d_write(int32_t self, const char *bytes, size_t len, uint64_t at, uint64_t *result);
DESCRIPTOR("read-directory") void d_list(int32_t self, int32_t *result);
DESCRIPTOR("sync") void d_sync(int32_t self, uint8_t *result);
DESCRIPTOR("create-directory-at")
void d_make(int32_t self, const char *path, size_t len, uint8_t *result);
DESCRIPTOR("stat") void d_stat(int32_t self, uint64_t *result);
DESCRIPTOR("stat-at")
void d_stat_at(int32_t self, int32_t look, const char *path, size_t len, uint64_t *result);
DESCRIPTOR("set-times-at")
void d_set_times_at(int32_t self, int32_t look, const char *path, size_t len, int32_t a, int64_t a_s,
                    int32_t a_ns, int32_t m, int64_t m_s, int32_t m_ns, uint8_t *result);
DESCRIPTOR("link-at")
void d_link(int32_t self, int32_t look, const char *old, size_t old_len, int32_t to, const char *name,
            size_t len, uint8_t *result);
DESCRIPTOR("open-at")
void d_open(int32_t self, int32_t look, const char *path, size_t len, int32_t how, int32_t flags,
            int32_t *result);
DESCRIPTOR("readlink-at") void d_target(int32_t self, const char *path, size_t len, int32_t *result);
DESCRIPTOR("remove-directory-at")
void d_rmdir(int32_t self, const char *path, size_t len, uint8_t *result);
DESCRIPTOR("rename-at")
void d_rename(int32_t self, const char *old, size_t old_len, int32_t to, const char *name, size_t len,
              uint8_t *result);
DESCRIPTOR("symlink-at")
void d_symlink(int32_t self, const char *target, size_t target_len, const char *path, size_t len,
               uint8_t *result);
DESCRIPTOR("unlink-file-at")
void d_unlink(int32_t self, const char *path, size_t len, uint8_t *result);
DESCRIPTOR("is-same-object") int32_t d_same(int32_t self, int32_t other);
DESCRIPTOR("metadata-hash") void d_hash(int32_t self, uint64_t *result);
DESCRIPTOR("metadata-hash-at")
void d_hash_at(int32_t self, int32_t look, const char *path, size_t len, uint64_t *result);
IMPORT(TYPES, "[resource-drop]descriptor") extern void d_drop(int32_t self);
IMPORT(TYPES, "[method]directory-entry-stream.read-directory-entry")
extern void entry(int32_t self, int32_t *result);
IMPORT(TYPES, "[resource-drop]directory-entry-stream") extern void entries_drop(int32_t self);
IMPORT(TYPES, "filesystem-error-code") extern void error_code(int32_t error, uint8_t *result);
IMPORT("wasi:io/error@0.2.12", "[resource-drop]error") extern void error_drop(int32_t self);
IMPORT(STREAMS, "[method]input-stream.read") extern void s_read(int32_t s, uint64_t len, int32_t *r);
IMPORT(STREAMS, "[method]input-stream.blocking-read")
extern void s_blocking_read(int32_t self, uint64_t len, int32_t *result);
IMPORT(STREAMS, "[method]input-stream.skip") extern void s_skip(int32_t s, uint64_t len, uint64_t *r);
IMPORT(STREAMS, "[method]input-stream.blocking-skip")
extern void s_blocking_skip(int32_t self, uint64_t len, uint64_t *result);
IMPORT(STREAMS, "[method]input-stream.subscribe") extern int32_t s_subscribe(int32_t self);
IMPORT(STREAMS, "[resource-drop]input-stream") extern void in_drop(int32_t self);
IMPORT(STREAMS, "[method]output-stream.check-write")
extern void s_check(int32_t self, uint64_t *result);
IMPORT(STREAMS, "[method]output-stream.write")
extern void s_write(int32_t self, const char *bytes, size_t len, int32_t *result);
IMPORT(STREAMS, "[method]output-stream.blocking-write-and-flush")
extern void s_blocking_write(int32_t self, const char *bytes, size_t len, int32_t *result);
IMPORT(STREAMS, "[method]output-stream.write-zeroes")
extern void s_zeroes(int32_t self, uint64_t len, int32_t *result);
IMPORT(STREAMS, "[method]output-stream.blocking-flush")
extern void s_flush(int32_t self, int32_t *result);
IMPORT(STREAMS, "[method]output-stream.blocking-splice")
extern void s_splice(int32_t self, int32_t from, uint64_t len, uint64_t *result);
IMPORT(STREAMS, "[resource-drop]output-stream") extern void out_drop(int32_t self);
IMPORT("wasi:io/poll@0.2.12", "[method]pollable.ready") extern int32_t p_ready(int32_t self);
IMPORT("wasi:io/poll@0.2.12", "[method]pollable.block") extern void p_block(int32_t self);
IMPORT("wasi:io/poll@0.2.12", "[resource-drop]pollable") extern void p_drop(int32_t self);

static int32_t root;
#define FOLLOW 1
enum { CREATE = 1, DIRECTORY = 2, NEW = 4, EMPTY = 8 };
enum { READ = 1, WRITE = 2, SYNC = 4, MUTATE = 32 };

static void told(const char *what, const uint8_t *result) {
    printf("%s -> %d\n", what, result[0] ? result[1] : -1);
}

static int32_t opened(int32_t base, const char *path, int look, int how, int flags) {
    int32_t result[2] = {0};
    d_open(base, look, path, strlen(path), how, flags, result);
    int failed = ((uint8_t *)result)[0];
    printf("open %s look=%d how=%d flags=%d -> %d\n", path, look, how, flags,
           failed ? ((uint8_t *)result)[4] : -1);
    return failed ? -1 : result[1];
}

static void flags_and_type(int32_t fd) {
    uint8_t result[2] = {0};
    d_flags(fd, result);
    /* That a directory may be changed is a right of its own; both say what they were given. */
    printf("flags -> %d %d", result[0], result[1]);
    d_type(fd, result);
    printf(" type -> %d %d\n", result[0], result[1]);
}

static void print_bytes(const char *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        putchar(bytes[i] >= ' ' && bytes[i] < 127 ? bytes[i] : '.');
    }
}

static void read_at(int32_t fd, uint64_t len, uint64_t at) {
    int32_t result[4] = {0};
    d_read(fd, len, at, result);
    uint8_t *bytes = (uint8_t *)result;
    printf("read %llu at %llu -> ", len, at);
    if (bytes[0]) {
        printf("error %d\n", bytes[4]);
        return;
    }
    printf("%d end=%d ", result[2], bytes[12]);
    print_bytes((char *)result[1], (size_t)result[2]);
    putchar('\n');
    free(result[2] ? (void *)result[1] : NULL);
}

static void write_at(int32_t fd, const char *text, uint64_t at) {
    uint64_t result[2] = {0};
    d_write(fd, text, strlen(text), at, result);
    uint8_t *bytes = (uint8_t *)result;
    printf("write %s at %llu -> ", text, at);
    if (bytes[0]) {
        printf("error %d\n", bytes[8]);
    } else {
        printf("%llu\n", result[1]);
    }
}

static void print_stat(const char *what, const uint64_t *result) {
    const uint8_t *bytes = (const uint8_t *)result;
    if (bytes[0]) {
        printf("%s -> error %d\n", what, bytes[8]);
    } else if (bytes[8] == 3) {
        printf("%s -> directory\n", what);
    } else {
        printf("%s -> type %d links %llu size %llu times %d%d%d\n", what, bytes[8], result[2],
               result[3], bytes[32] != 0, bytes[56] != 0, bytes[80] != 0);
    }
}

static void state(int32_t base, const char *path, int look) {
    uint64_t result[16] = {0};
    char what[400];
    d_stat_at(base, look, path, strlen(path), result);
    snprintf(what, sizeof what, "stat %s look=%d", path, look);
    print_stat(what, result);
}

static void state_of(int32_t fd) {
    uint64_t result[16] = {0};
    d_stat(fd, result);
    print_stat("stat", result);
}

#define AT(call, path)                                                                             \
    do {                                                                                           \
        uint8_t result[2] = {0};                                                                   \
        call(root, path, strlen(path), result);                                                    \
        told(#call " " path, result);                                                              \
    } while (0)

static void move(const char *from, const char *to) {
    uint8_t result[2] = {0};
    d_rename(root, from, strlen(from), root, to, strlen(to), result);
    printf("rename %s %s -> %d\n", from, to, result[0] ? result[1] : -1);
}

static void symbolic(const char *target, const char *path) {
    uint8_t result[2] = {0};
    d_symlink(root, target, strlen(target), path, strlen(path), result);
    printf("symlink %s %s -> %d\n", target, path, result[0] ? result[1] : -1);
}

static void hard(const char *from, const char *to, int look) {
    uint8_t result[2] = {0};
    d_link(root, look, from, strlen(from), root, to, strlen(to), result);
    printf("link %s %s look=%d -> %d\n", from, to, look, result[0] ? result[1] : -1);
}

static void target(const char *path) {
    int32_t result[3] = {0};
    d_target(root, path, strlen(path), result);
    uint8_t *bytes = (uint8_t *)result;
    printf("readlink %s -> ", path);
    if (bytes[0]) {
        printf("error %d\n", bytes[4]);
    } else {
        print_bytes((char *)result[1], (size_t)result[2]);
        putchar('\n');
    }
}

static int by_text(const void *a, const void *b) {
    return strcmp(a, b);
}

static void list(int32_t fd) {
    int32_t result[5] = {0};
    uint8_t *bytes = (uint8_t *)result;
    d_list(fd, result);
    if (bytes[0]) {
        printf("list -> error %d\n", bytes[4]);
        return;
    }
    static char names[64][300];
    int count = 0;
    int32_t stream = result[1];
    for (;;) {
        entry(stream, result);
        if (bytes[0]) {
            printf("entry -> error %d\n", bytes[4]);
            break;
        }
        if (bytes[4] == 0) {
            break;
        }
        if (count < 64) {
            snprintf(names[count++], 300, "%.*s type %d", (int)result[4], (char *)result[3], bytes[8]);
        }
    }
    entries_drop(stream);
    /* The order of names is each file system's own. */
    qsort(names, (size_t)count, 300, by_text);
    printf("list -> %d\n", count);
    for (int i = 0; i < count; i++) {
        printf("  %s\n", names[i]);
    }
}

/* A failed operation of a stream: closed, or an error with a code of the file system. */
static void stream_error(const char *what, const uint8_t *variant, int32_t error) {
    if (variant[0] == 1) {
        printf("%s -> closed\n", what);
        return;
    }
    uint8_t code[2] = {0};
    error_code(error, code);
    printf("%s -> failed, code %d %d\n", what, code[0], code[1]);
    error_drop(error);
}

static void stream_read(int32_t stream, uint64_t len, int blocking) {
    int32_t result[3] = {0};
    (blocking ? s_blocking_read : s_read)(stream, len, result);
    if (((uint8_t *)result)[0]) {
        stream_error("stream read", (uint8_t *)&result[1], result[2]);
        return;
    }
    /* A read that may not wait can give nothing yet, where the host asks another thread. */
    while (!blocking && result[2] == 0 && len > 0) {
        int32_t pollable = s_subscribe(stream);
        p_block(pollable);
        p_drop(pollable);
        s_read(stream, len, result);
        if (((uint8_t *)result)[0]) {
            stream_error("stream read", (uint8_t *)&result[1], result[2]);
            return;
        }
    }
    printf("stream read %llu -> %d ", len, result[2]);
    print_bytes((char *)result[1], (size_t)result[2]);
    putchar('\n');
}

static void stream_skip(int32_t stream, uint64_t len) {
    uint64_t result[2] = {0};
    s_blocking_skip(stream, len, result);
    uint8_t *bytes = (uint8_t *)result;
    if (bytes[0]) {
        stream_error("stream skip", bytes + 8, ((int32_t *)result)[3]);
    } else {
        printf("stream skip %llu -> %llu\n", len, result[1]);
    }
}

static void stream_write(int32_t stream, const char *text) {
    int32_t result[3] = {0};
    s_blocking_write(stream, text, strlen(text), result);
    if (((uint8_t *)result)[0]) {
        stream_error("stream write", (uint8_t *)&result[1], result[2]);
    } else {
        printf("stream write %s -> done\n", text);
    }
}

static int32_t stream_of(const char *what, int32_t *result) {
    int failed = ((uint8_t *)result)[0];
    printf("%s -> %d\n", what, failed ? ((uint8_t *)result)[4] : -1);
    return failed ? -1 : result[1];
}

static void set_times(int32_t fd, int32_t a, int64_t a_s, int32_t m, int64_t m_s, int32_t ns) {
    uint8_t result[2] = {0};
    uint64_t stat[16] = {0};
    d_set_times(fd, a, a_s, ns, m, m_s, ns, result);
    told("set-times", result);
    d_stat(fd, stat);
    if (a == 2) {
        printf("  read at %llu.%u\n", stat[5], (uint32_t)stat[6]);
    }
    if (m == 2) {
        printf("  changed at %llu.%u\n", stat[8], (uint32_t)stat[9]);
    }
}

static void hashes(void) {
    uint64_t a[3] = {0}, b[3] = {0}, c[3] = {0};
    int32_t fd = opened(root, "a", 0, 0, READ), other = opened(root, "a", 0, 0, READ);
    d_hash(fd, a);
    d_hash(other, b);
    printf("equal hashes of one file: %d\n", a[1] == b[1] && a[2] == b[2]);
    d_hash_at(root, 0, "a", 1, b);
    printf("and by its name: %d\n", a[1] == b[1] && a[2] == b[2]);
    d_hash_at(root, 0, "d", 1, c);
    printf("another of another: %d\n", a[1] != c[1] || a[2] != c[2]);
    d_hash_at(root, 0, "no", 2, c);
    printf("of none -> %d\n", ((uint8_t *)c)[0] ? ((uint8_t *)c)[8] : -1);
    printf("same object: %d %d\n", d_same(fd, other), d_same(fd, root));
    d_drop(fd);
    d_drop(other);
}

int main(void) {
    int32_t preopened[2] = {0};
    uint8_t result[2] = {0};
    directories(preopened);
    int32_t *first = (int32_t *)preopened[0];
    root = first[0];
    printf("%d directories, the first %.*s\n", preopened[1], first[2], (char *)first[1]);

    /* Opening, flags, types. */
    opened(root, "a", 0, 0, READ);
    int32_t fd = opened(root, "a", 0, CREATE | NEW, READ | WRITE);
    flags_and_type(fd);
    opened(root, "a", 0, CREATE | NEW, READ | WRITE);
    opened(root, "a", 0, DIRECTORY, READ);
    opened(root, "a", 0, CREATE | DIRECTORY, READ | WRITE);
    opened(root, "a", 0, 0, READ | SYNC);
    opened(root, "a/", 0, 0, READ);
    opened(root, "", 0, 0, READ);
    opened(root, "/a", 0, 0, READ);
    opened(root, "../a", 0, 0, READ);
    opened(root, "x/../a", 0, 0, READ);
    opened(root, "./a", 0, 0, READ);
    opened(fd, "a", 0, 0, READ);

    /* Reading and writing at places. */
    write_at(fd, "hello world", 0);
    read_at(fd, 5, 0);
    read_at(fd, 100, 6);
    read_at(fd, 100, 11);
    read_at(fd, 100, 1000);
    read_at(fd, 0, 0);
    read_at(fd, 1, UINT64_MAX);
    write_at(fd, "far", 20);
    write_at(fd, "no", UINT64_MAX);
    write_at(fd, "", 0);
    read_at(fd, 100, 0);
    state_of(fd);
    d_set_size(fd, 8, result);
    told("set-size", result);
    d_set_size(fd, UINT64_MAX, result);
    told("set-size", result);
    state_of(fd);
    for (int how = 0; how < 6; how++) {
        d_advise(fd, 0, 8, how, result);
        told("advise", result);
    }
    d_sync(fd, result);
    told("sync", result);
    d_sync_data(fd, result);
    told("sync-data", result);

    /* Rights. */
    int32_t reader = opened(root, "a", 0, 0, READ), writer = opened(root, "a", 0, 0, WRITE);
    flags_and_type(reader);
    flags_and_type(writer);
    write_at(reader, "no", 0);
    read_at(writer, 3, 0);
    d_set_size(reader, 1, result);
    told("set-size of what is only read", result);

    /* Streams. */
    int32_t got[2] = {0};
    via_write(fd, 0, got);
    int32_t stream = stream_of("write-via-stream", got);
    stream_write(stream, "0123456789");
    stream_write(stream, "abcdef");
    int32_t done[3] = {0};
    uint64_t room[2] = {0};
    s_check(stream, room);
    printf("room: %d\n", room[1] > 0);
    s_zeroes(stream, 4, done);
    s_flush(stream, done);
    printf("zeroes -> %d\n", ((uint8_t *)done)[0]);
    out_drop(stream);
    read_at(fd, 100, 0);
    via_append(fd, got);
    stream = stream_of("append-via-stream", got);
    stream_write(stream, "END");
    d_set_size(fd, 4, result);
    stream_write(stream, "end");
    out_drop(stream);
    read_at(fd, 100, 0);
    via_read(fd, 1, got);
    stream = stream_of("read-via-stream", got);
    stream_read(stream, 2, 1);
    stream_skip(stream, 1);
    stream_read(stream, 1, 0);
    stream_read(stream, 100, 1);
    stream_read(stream, 100, 1);
    stream_read(stream, 100, 1);
    in_drop(stream);
    via_read(fd, UINT64_MAX, got);
    stream = stream_of("read-via-stream far away", got);
    if (stream >= 0) {
        stream_read(stream, 1, 1);
        in_drop(stream);
    }
    via_read(writer, 0, got);
    stream = stream_of("read-via-stream of what is only written", got);
    if (stream >= 0) {
        stream_read(stream, 1, 1);
        stream_read(stream, 1, 1);
        in_drop(stream);
    }
    via_write(reader, 0, got);
    stream = stream_of("write-via-stream of what is only read", got);
    if (stream >= 0) {
        stream_write(stream, "no");
        stream_write(stream, "no");
        out_drop(stream);
    }
    via_read(root, 0, got);
    stream_of("read-via-stream of a directory", got);
    via_write(root, 0, got);
    stream_of("write-via-stream of a directory", got);
    via_append(root, got);
    stream_of("append-via-stream of a directory", got);
    int32_t copy = opened(root, "copy", 0, CREATE, READ | WRITE);
    via_read(fd, 0, got);
    int32_t from = got[1];
    via_write(copy, 2, got);
    int32_t to = got[1];
    uint64_t spliced[2] = {0};
    s_splice(to, from, 5, spliced);
    printf("splice -> %d %llu\n", ((uint8_t *)spliced)[0], spliced[1]);
    s_flush(to, done);
    in_drop(from);
    out_drop(to);
    read_at(copy, 100, 0);

    /* What is for files, of a directory. */
    read_at(root, 1, 0);
    write_at(root, "no", 0);
    d_set_size(root, 1, result);
    told("set-size of a directory", result);
    d_advise(root, 0, 1, 0, result);
    told("advise of a directory", result);
    d_sync(root, result);
    told("sync of a directory", result);
    list(fd);

    /* Names. */
    AT(d_make, "d");
    AT(d_make, "d");
    AT(d_make, "a");
    AT(d_make, "a/x");
    AT(d_make, "no/x");
    AT(d_make, "e/");
    AT(d_make, "");
    AT(d_make, ".");
    AT(d_make, "/x");
    AT(d_make, "../x");
    int32_t d = opened(root, "d", 0, DIRECTORY, READ | MUTATE);
    flags_and_type(d);
    int32_t plain = opened(root, "d", 0, 0, READ);
    flags_and_type(plain);
    opened(root, "d", 0, 0, READ | WRITE);
    opened(d, "in", 0, CREATE, READ | WRITE);
    opened(d, "../a", 0, 0, READ);
    list(d);
    list(root);
    state(root, "a", 0);
    state(root, "d", 0);
    state(root, "d/in", 0);
    state(root, "no", 0);
    state(d, "../a", 0);
    state(root, "a/", 0);
    symbolic("a", "s");
    symbolic("/etc", "absolute");
    symbolic("../up", "up");
    symbolic("loop", "loop");
    symbolic("", "empty");
    symbolic("a", "s");
    target("s");
    target("a");
    target("up");
    target("no");
    state(root, "s", 0);
    state(root, "s", FOLLOW);
    state(root, "loop", FOLLOW);
    state(root, "up", FOLLOW);
    opened(root, "s", 0, 0, READ);
    opened(root, "s", FOLLOW, 0, READ);
    opened(root, "loop", FOLLOW, 0, READ);
    opened(root, "up", FOLLOW, 0, READ);
    hard("a", "h", 0);
    hard("a", "h", 0);
    hard("s", "hs", 0);
    hard("s", "hf", FOLLOW);
    hard("d", "hd", 0);
    hard("no", "hn", 0);
    state_of(fd);
    hashes();

    /* Times: as they are, as they are given. */
    set_times(fd, 2, 1000000000, 2, 2000000000, 7);
    set_times(fd, 0, 0, 2, 1500000000, 0);
    set_times(fd, 2, 900000000, 0, 0, 999999999);
    d_set_times(fd, 2, 1, 1000000000, 0, 0, 0, result);
    told("set-times with too many nanoseconds", result);
    d_set_times(reader, 2, 1, 1, 2, 1, 1, result);
    told("set-times of what is only read", result);
    d_set_times_at(root, 0, "s", 1, 2, 800000000, 0, 2, 800000000, 0, result);
    told("set-times-at a link", result);
    d_set_times_at(root, FOLLOW, "s", 1, 2, 700000000, 0, 2, 700000000, 0, result);
    told("set-times-at what it leads to", result);
    d_set_times_at(root, 0, "no", 2, 1, 0, 0, 1, 0, 0, result);
    told("set-times-at none", result);
    uint64_t stat[16] = {0};
    d_stat(fd, stat);
    printf("  changed at %llu\n", stat[8]);

    /* Moving and taking away. */
    move("copy", "copy2");
    move("copy", "copy3");
    move("copy2", "d");
    move("d", "copy2");
    move("d", "d/inside");
    move("d", "e");
    move("a", "h");
    move("", "x");
    move("a", "");
    move("a", "../x");
    AT(d_rmdir, "a");
    AT(d_rmdir, "e");
    AT(d_rmdir, "no");
    AT(d_rmdir, "s");
    AT(d_rmdir, "");
    AT(d_unlink, "e");
    AT(d_unlink, "no");
    AT(d_unlink, "");
    AT(d_unlink, "s");
    AT(d_unlink, "e/in");
    AT(d_unlink, "e/in/");
    list(d);
    AT(d_rmdir, "e");
    opened(d, "new", 0, CREATE, READ | WRITE);
    AT(d_unlink, "a");
    AT(d_unlink, "h");
    write_at(fd, "still", 0);
    read_at(fd, 5, 0);
    state_of(fd);
    d_drop(fd);
    d_drop(reader);
    d_drop(writer);
    d_drop(copy);
    d_drop(plain);
    d_drop(d);
    list(root);
    return 0;
}
