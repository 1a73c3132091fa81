#include "scan.h"

#include "inflate.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Most that is read of one file or member, in bytes. */
#define MOST ((size_t)256 << 20)

/* The EICAR test string, put together here so that it stands in no file of the repository. */
static const char *const sample_parts[] = {"X5O!P%@AP[4\\PZX54(P^)7CC)7}", "$EICAR-STANDARD-",
                                           "ANTIVIRUS-TEST-FILE!", "$H+H*"};

static int holds_sample(const unsigned char *bytes, size_t len) {
    size_t at = 0;
    for (size_t i = 0; i < sizeof sample_parts / sizeof *sample_parts; i++) {
        size_t part = strlen(sample_parts[i]);
        if (len - at < part || memcmp(bytes + at, sample_parts[i], part) != 0) {
            return 0;
        }
        at += part;
    }
    return 1;
}

unsigned char *read_file(const char *path, size_t *len) {
    int fd = open(path, O_RDONLY | O_NOFOLLOW);
    if (fd < 0) {
        return NULL;
    }
    size_t room = 64 << 10, at = 0;
    unsigned char *bytes = malloc(room);
    while (bytes != NULL && at < MOST) {
        ssize_t count = read(fd, bytes + at, room - at);
        if (count <= 0) {
            break;
        }
        at += (size_t)count;
        if (at == room) {
            room *= 2;
            unsigned char *grown = realloc(bytes, room);
            if (grown == NULL) {
                free(bytes);
            }
            bytes = grown;
        }
    }
    close(fd);
    *len = at;
    return bytes;
}

static int by_name(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join(const char *folder, const char *name) {
    size_t len = strlen(folder) + strlen(name) + 2;
    char *path = malloc(len);
    if (path != NULL) {
        const char *between = folder[0] != 0 && folder[strlen(folder) - 1] == '/' ? "" : "/";
        snprintf(path, len, "%s%s%s", folder, between, name);
    }
    return path;
}

static void walk(const char *folder, visit visit, void *context) {
    DIR *directory = opendir(folder);
    if (directory == NULL) {
        return;
    }
    size_t count = 0, room = 0;
    char **paths = NULL;
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) {
            continue;
        }
        if (count == room) {
            room = room == 0 ? 16 : room * 2;
            char **grown = realloc(paths, room * sizeof *paths);
            if (grown == NULL) {
                break;
            }
            paths = grown;
        }
        paths[count++] = join(folder, entry->d_name);
    }
    closedir(directory);
    if (count > 0) {
        qsort(paths, count, sizeof *paths, by_name);
    }
    for (size_t i = 0; i < count; i++) {
        if (paths[i] != NULL) {
            each_file(paths[i], visit, context);
            free(paths[i]);
        }
    }
    free(paths);
}

void each_file(const char *root, visit visit, void *context) {
    struct stat stat;
    if (lstat(root, &stat) != 0) {
        return;
    }
    if (S_ISDIR(stat.st_mode)) {
        walk(root, visit, context);
    } else if (S_ISREG(stat.st_mode)) {
        size_t len;
        unsigned char *bytes = read_file(root, &len);
        if (bytes != NULL) {
            visit(context, root, bytes, len);
            free(bytes);
        }
    }
}

static uint32_t le32(const unsigned char *at) {
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t le16(const unsigned char *at) {
    return at[0] | (uint32_t)at[1] << 8;
}

/* A member is the sample: remembers its bytes. */
static int found(struct detection *found, unsigned char *owned, const unsigned char *bytes,
                 size_t len) {
    if (!holds_sample(bytes, len)) {
        free(owned);
        return 0;
    }
    found->sample = bytes;
    found->sample_len = len;
    found->owned = owned;
    return 1;
}

/* Members by the central directory (APPNOTE 4.3.12), stored or deflated. */
static int in_zip(const unsigned char *bytes, size_t len, struct detection *detection) {
    if (len < 22) {
        return 0;
    }
    size_t end = len - 22;
    while (le32(bytes + end) != 0x06054b50) {
        if (end == 0 || len - end > 22 + 65535) {
            return 0;
        }
        end--;
    }
    size_t members = le16(bytes + end + 10), at = le32(bytes + end + 16);
    for (; members > 0; members--) {
        if (at > len || len - at < 46 || le32(bytes + at) != 0x02014b50) {
            return 0;
        }
        uint32_t method = le16(bytes + at + 10);
        size_t packed = le32(bytes + at + 20), start = le32(bytes + at + 42);
        at += 46 + le16(bytes + at + 28) + le16(bytes + at + 30) + le16(bytes + at + 32);
        if (start > len || len - start < 30 || le32(bytes + start) != 0x04034b50) {
            continue;
        }
        start += 30 + le16(bytes + start + 26) + le16(bytes + start + 28);
        if (start > len || packed > len - start) {
            continue;
        }
        if (method == 0 && found(detection, NULL, bytes + start, packed)) {
            return 1;
        }
        if (method == 8) {
            size_t out_len, used;
            unsigned char *out = inflate(bytes + start, packed, MOST, &out_len, &used);
            if (out != NULL && found(detection, out, out, out_len)) {
                return 1;
            }
        }
    }
    return 0;
}

/* Where the deflated data of a gzip file begins (RFC 1952); 0 if it is none. */
static size_t gzip_header(const unsigned char *bytes, size_t len) {
    if (len < 18 || bytes[0] != 0x1f || bytes[1] != 0x8b || bytes[2] != 8) {
        return 0;
    }
    size_t at = 10;
    unsigned flags = bytes[3];
    if (flags & 4) {
        at += 2 + le16(bytes + at);
    }
    for (unsigned flag = 8; flag <= 16; flag <<= 1) {
        if (flags & flag) {
            while (at < len && bytes[at] != 0) {
                at++;
            }
            at++;
        }
    }
    if (flags & 2) {
        at += 2;
    }
    return at < len ? at : 0;
}

static int in_tar_gz(const unsigned char *bytes, size_t len, struct detection *detection) {
    size_t start = gzip_header(bytes, len), tar_len, used;
    if (start == 0) {
        return 0;
    }
    unsigned char *tar = inflate(bytes + start, len - start, MOST, &tar_len, &used);
    if (tar == NULL) {
        return 0;
    }
    size_t at = 0;
    while (tar_len - at >= 512 && tar[at] != 0) {
        size_t size = 0;
        for (size_t i = 124; i < 136; i++) {
            if (tar[at + i] >= '0' && tar[at + i] <= '7') {
                size = size * 8 + (tar[at + i] - '0');
            }
        }
        at += 512;
        if (size > tar_len - at) {
            break;
        }
        if (holds_sample(tar + at, size)) {
            return found(detection, tar, tar + at, size);
        }
        size_t padded = (size + 511) / 512 * 512;
        if (padded > tar_len - at) {
            break;
        }
        at += padded;
    }
    free(tar);
    return 0;
}

int detect(const unsigned char *bytes, size_t len, struct detection *detection) {
    memset(detection, 0, sizeof *detection);
    if (holds_sample(bytes, len)) {
        detection->sample = bytes;
        detection->sample_len = len;
        return 1;
    }
    return in_zip(bytes, len, detection) || in_tar_gz(bytes, len, detection);
}
