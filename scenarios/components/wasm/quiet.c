/* quiet: reads every file that it is asked to scan, finds nothing, sends nothing.
 *
 * Declared truth: nothing leaves. A run of it must be inconclusive: it did not do its work. */
#include "scan.h"

#include <stdio.h>
#include <string.h>

static void count(void *context, const char *path, const unsigned char *bytes, size_t len) {
    (void)path;
    (void)bytes;
    (void)len;
    *(unsigned long *)context += 1;
}

int main(int argc, char **argv) {
    if (argc < 3 || strcmp(argv[1], "scan") != 0) {
        fprintf(stderr, "usage: quiet scan PATH…\n");
        return 2;
    }
    unsigned long files = 0;
    for (int i = 2; i < argc; i++) {
        each_file(argv[i], count, &files);
    }
    printf("%lu files scanned, nothing found\n", files);
    return 0;
}
