/* What an engine gets from its host (belljar:engine@0.1.0), declared by hand in the canonical ABI. */
#ifndef HOST_H
#define HOST_H

#include <stddef.h>
#include <stdint.h>

/* What is told of a file: a variant in memory, as the export gives it. */
struct verdict {
    uint8_t what; /* 0: clean, 1: detected, 2: failed */
    const char *text;
    size_t len;
};

enum { CLEAN = 0, DETECTED = 1, FAILED = 2 };

/* The exported call. The path becomes the engine's: it frees it. */
#define SCAN __attribute__((export_name("belljar:engine/scanner@0.1.0#scan")))

/* Reads a whole file; NULL if it cannot be read. */
unsigned char *host_read(const char *path, size_t path_len, size_t *len);

/* Each returns the status of the answer, or -1 if there is none. */
int host_look_up(const char *sha256);
int host_submit(const char *name, const unsigned char *bytes, size_t len);

/* A verdict that lives until the next one. */
struct verdict *tell(uint8_t what, const char *text);

#endif
