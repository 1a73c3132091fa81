/* yara for the wasm jar: libyara, unchanged, and a command that scans files and folders through
 * WASI. It prints what yara prints: the rule, then the path.
 *
 * Usage: yara RULES PATH…
 * Cannot do: processes, modules that need a cryptographic library. Reads a file whole. */
#include "../scan.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yara.h>

struct scan {
    YR_RULES *rules;
    const char *path;
    int failed;
};

static int matched(YR_SCAN_CONTEXT *context, int message, void *data, void *user) {
    (void)context;
    struct scan *scan = user;
    if (message == CALLBACK_MSG_RULE_MATCHING) {
        printf("%s %s\n", ((YR_RULE *)data)->identifier, scan->path);
        fflush(stdout);
    }
    return CALLBACK_CONTINUE;
}

static void one(void *context, const char *path, const unsigned char *bytes, size_t len) {
    struct scan *scan = context;
    scan->path = path;
    int error = yr_rules_scan_mem(scan->rules, bytes, len, 0, matched, scan, 0);
    if (error != ERROR_SUCCESS) {
        fprintf(stderr, "yara: cannot scan %s (%d)\n", path, error);
        scan->failed = 1;
    }
}

static void complain(int level, const char *file, int line, const YR_RULE *rule,
                     const char *message, void *user) {
    (void)file;
    (void)rule;
    (void)user;
    fprintf(stderr, "yara: line %d: %s%s\n", line, level == YARA_ERROR_LEVEL_ERROR ? "" : "warning: ",
            message);
}

int main(int argc, char **argv) {
    YR_COMPILER *compiler;
    struct scan scan = {0};
    size_t len = 0;
    unsigned char *text = argc < 3 ? NULL : read_file(argv[1], &len);
    char *rules = text == NULL ? NULL : malloc(len + 1);
    if (rules == NULL) {
        fprintf(stderr, "usage: yara RULES PATH…\n");
        return 2;
    }
    memcpy(rules, text, len);
    rules[len] = 0;
    if (yr_initialize() != ERROR_SUCCESS || yr_compiler_create(&compiler) != ERROR_SUCCESS) {
        return 2;
    }
    yr_compiler_set_callback(compiler, complain, NULL);
    if (yr_compiler_add_string(compiler, rules, NULL) != 0 ||
        yr_compiler_get_rules(compiler, &scan.rules) != ERROR_SUCCESS) {
        return 2;
    }
    yr_compiler_destroy(compiler);
    for (int i = 2; i < argc; i++) {
        each_file(argv[i], one, &scan);
    }
    yr_rules_destroy(scan.rules);
    yr_finalize();
    return scan.failed ? 2 : 0;
}

/* Values of the one thread. */
static const void *values[16];
static pthread_key_t next;

int pthread_key_create(pthread_key_t *key, void (*end)(void *)) {
    (void)end;
    if (next == sizeof values / sizeof *values) {
        return EAGAIN;
    }
    *key = next++;
    return 0;
}

int pthread_key_delete(pthread_key_t key) {
    values[key] = NULL;
    return 0;
}

int pthread_setspecific(pthread_key_t key, const void *value) {
    values[key] = value;
    return 0;
}

void *pthread_getspecific(pthread_key_t key) {
    return (void *)values[key];
}

/* Nothing is mapped: files are read. */
int yr_filemap_map(const char *path, YR_MAPPED_FILE *file) {
    (void)path;
    (void)file;
    return ERROR_COULD_NOT_MAP_FILE;
}

int yr_filemap_map_fd(YR_FILE_DESCRIPTOR fd, uint64_t offset, size_t size, YR_MAPPED_FILE *file) {
    (void)fd;
    (void)offset;
    (void)size;
    (void)file;
    return ERROR_COULD_NOT_MAP_FILE;
}

void yr_filemap_unmap(YR_MAPPED_FILE *file) {
    (void)file;
}

void yr_filemap_unmap_fd(YR_MAPPED_FILE *file) {
    (void)file;
}
