/* Scanning, as the native reference components do it: walks folders in order of name, reads files
 * whole, looks into zip and gzipped tar archives, one level deep. Knows one sample. */
#ifndef SCAN_H
#define SCAN_H

#include <stddef.h>

struct detection {
    const unsigned char *sample; /* the file, or the member that is the sample */
    size_t sample_len;
    void *owned; /* to be freed */
};

typedef void (*visit)(void *context, const char *path, const unsigned char *bytes, size_t len);

void each_file(const char *root, visit visit, void *context);

/* Whether the file, or a member of it, is the sample. */
int detect(const unsigned char *bytes, size_t len, struct detection *found);

/* Reads a whole file; NULL if it cannot be read. */
unsigned char *read_file(const char *path, size_t *len);

#endif
