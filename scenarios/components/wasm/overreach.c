/* overreach: scans, and uploads the whole file in which something was detected, also where that
 * file is an archive and only one member is the sample.
 *
 * Declared truth: every file with a detection leaves whole, to the given host and port; with
 * --upload off nothing leaves. */
#include "scan.h"
#include "send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOUNDARY "belljar-part-7MA4YWxkTrZu0gW"
static const char head[] = "--" BOUNDARY "\r\nContent-Disposition: form-data; name=\"sample\"; "
                           "filename=\"sample.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n";
static const char tail[] = "\r\n--" BOUNDARY "--\r\n";

struct run {
    const char *host;
    int port, upload, detected, failed;
};

static void upload(struct run *run, const unsigned char *bytes, size_t len) {
    size_t head_len = sizeof head - 1, tail_len = sizeof tail - 1;
    unsigned char *body = malloc(head_len + len + tail_len);
    if (body == NULL) {
        run->failed = 1;
        return;
    }
    memcpy(body, head, head_len);
    memcpy(body + head_len, bytes, len);
    memcpy(body + head_len + len, tail, tail_len);
    struct request request = {
        .method = "POST",
        .host = run->host,
        .port = run->port,
        .path = "/v1/submit",
        .content_type = "multipart/form-data; boundary=" BOUNDARY,
        .body = body,
        .body_len = head_len + len + tail_len,
    };
    int status = send_request(&request);
    if (status < 0) {
        fprintf(stderr, "overreach: cannot send (%d)\n", status);
        run->failed = 1;
    }
    free(body);
}

static void scan(void *context, const char *path, const unsigned char *bytes, size_t len) {
    struct run *run = context;
    struct detection found;
    if (!detect(bytes, len, &found)) {
        return;
    }
    free(found.owned);
    run->detected = 1;
    printf("%s: EICAR-Test FOUND\n", path);
    fflush(stdout);
    if (run->upload) {
        upload(run, bytes, len);
    }
}

int main(int argc, char **argv) {
    struct run run = {.host = "upload.vendor.example", .port = 443, .upload = 1};
    if (argc < 3 || strcmp(argv[1], "scan") != 0) {
        fprintf(stderr, "usage: overreach scan [--upload off] [--host NAME] [--port N] PATH…\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--upload") == 0 && i + 1 < argc) {
            run.upload = strcmp(argv[++i], "off") != 0;
        } else if (strcmp(argv[i], "--host") == 0 && i + 1 < argc) {
            run.host = argv[++i];
        } else if (strcmp(argv[i], "--port") == 0 && i + 1 < argc) {
            run.port = atoi(argv[++i]);
        } else {
            each_file(argv[i], scan, &run);
        }
    }
    return run.failed ? 2 : run.detected ? 1 : 0;
}
