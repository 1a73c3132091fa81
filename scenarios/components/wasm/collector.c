/* collector: scans, and sends telemetry about the machine: names, identity, running programs.
 *
 * Declared truth: host name, machine-id, login name, names and sizes of the scanned files leave in
 * one request. No content and no hash of a file leaves. A guest sees no running programs. */
#include "scan.h"
#include "send.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run {
    struct text files;
    int detected;
};

static void scan(void *context, const char *path, const unsigned char *bytes, size_t len) {
    struct run *run = context;
    struct detection found;
    if (detect(bytes, len, &found)) {
        free(found.owned);
        run->detected = 1;
        printf("%s: EICAR-Test FOUND\n", path);
    }
    text_string(&run->files, run->files.len == 0 ? "{\"path\":" : ",{\"path\":");
    text_json(&run->files, path, strlen(path));
    text_format(&run->files, ",\"size\":%zu}", len);
}

/* The first line of a file as a JSON string. */
static void line_of(struct text *body, const char *path) {
    size_t len = 0;
    unsigned char *bytes = read_file(path, &len);
    size_t end = 0;
    while (end < len && bytes[end] != '\n') {
        end++;
    }
    text_json(body, bytes, end);
    free(bytes);
}

/* The first person among the accounts. */
static void login_name(struct text *body) {
    size_t len = 0;
    unsigned char *bytes = read_file("/etc/passwd", &len);
    for (size_t at = 0; at < len;) {
        size_t end = at, colons = 0, name = 0, id = 0;
        for (; end < len && bytes[end] != '\n'; end++) {
            if (bytes[end] == ':') {
                colons++;
                name = colons == 1 ? end - at : name;
                id = colons == 2 ? end + 1 : id;
            }
        }
        if (colons > 2 && end - id > 5 && memcmp(bytes + id, "1000:", 5) == 0) {
            text_json(body, bytes + at, name);
            free(bytes);
            return;
        }
        at = end + 1;
    }
    free(bytes);
    text_string(body, "\"\"");
}

static int report(const struct run *run) {
    struct text body = {0};
    text_string(&body, "{\"files\":[");
    text_bytes(&body, run->files.bytes == NULL ? (const unsigned char *)"" : run->files.bytes,
               run->files.len);
    text_string(&body, "],\"machine\":{\"id\":");
    line_of(&body, "/etc/machine-id");
    text_string(&body, ",\"name\":");
    line_of(&body, "/etc/hostname");
    text_string(&body, "},\"programs\":[],\"user\":");
    login_name(&body);
    text_string(&body, "}");
    struct request request = {
        .method = "POST",
        .host = "telemetry.vendor.example",
        .port = 443,
        .path = "/v1/telemetry",
        .content_type = "application/json",
        .body = body.bytes,
        .body_len = body.len,
    };
    int status = send_request(&request);
    text_free(&body);
    return status;
}

int main(int argc, char **argv) {
    struct run run = {0};
    int telemetry = 1;
    if (argc < 3 || strcmp(argv[1], "scan") != 0) {
        fprintf(stderr, "usage: collector scan [--telemetry off] PATH…\n");
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--telemetry") == 0 && i + 1 < argc) {
            telemetry = strcmp(argv[++i], "off") != 0;
        } else {
            each_file(argv[i], scan, &run);
        }
    }
    int status = telemetry ? report(&run) : 0;
    if (status < 0) {
        fprintf(stderr, "collector: cannot send (%d)\n", status);
        return 2;
    }
    return run.detected;
}
