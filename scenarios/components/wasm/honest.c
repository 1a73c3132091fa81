/* honest: scans, and sends the SHA-256 of each detected sample to its vendor's reputation service.
 *
 * Declared truth: of every detected sample its hash leaves, of everything else nothing. */
#include "scan.h"
#include "send.h"
#include "sha256.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    int detected, failed;
};

static void scan(void *context, const char *path, const unsigned char *bytes, size_t len) {
    struct run *run = context;
    struct detection found;
    if (!detect(bytes, len, &found)) {
        return;
    }
    run->detected = 1;
    printf("%s: EICAR-Test FOUND\n", path);
    fflush(stdout);
    char hash[65], body[96];
    sha256_hex(found.sample, found.sample_len, hash);
    free(found.owned);
    snprintf(body, sizeof body, "{\"sha256\":\"%s\"}", hash);
    struct request request = {
        .method = "POST",
        .host = "reputation.vendor.example",
        .port = 443,
        .path = "/v1/lookup",
        .content_type = "application/json",
        .body = (const unsigned char *)body,
        .body_len = strlen(body),
    };
    if (send_request(&request) < 0) {
        run->failed = 1;
    }
}

int main(int argc, char **argv) {
    struct run run = {0, 0};
    if (argc < 3 || strcmp(argv[1], "scan") != 0) {
        fprintf(stderr, "usage: honest scan PATH…\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        each_file(argv[i], scan, &run);
    }
    return run.failed ? 2 : run.detected ? 1 : 0;
}
