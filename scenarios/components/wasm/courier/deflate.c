#include "deflate.h"

#include <stdio.h>
#include <string.h>

#define SHORTEST 3
#define LONGEST 258
#define WINDOW 32768
#define TABLE 16384

struct bits {
    struct text *out;
    uint32_t held;
    int count;
};

static void put(struct bits *bits, uint32_t value, int count) {
    bits->held |= value << bits->count;
    for (bits->count += count; bits->count >= 8; bits->count -= 8, bits->held >>= 8) {
        unsigned char byte = (unsigned char)bits->held;
        text_bytes(bits->out, &byte, 1);
    }
}

/* Codes go with their highest bit first. */
static void put_code(struct bits *bits, uint32_t code, int count) {
    uint32_t turned = 0;
    for (int i = 0; i < count; i++) {
        turned |= (code >> i & 1) << (count - 1 - i);
    }
    put(bits, turned, count);
}

/* A letter or a length by the fixed codes (3.2.6). */
static void put_symbol(struct bits *bits, unsigned symbol) {
    if (symbol < 144) {
        put_code(bits, 0x30 + symbol, 8);
    } else if (symbol < 256) {
        put_code(bits, 0x190 + symbol - 144, 9);
    } else if (symbol < 280) {
        put_code(bits, symbol - 256, 7);
    } else {
        put_code(bits, 0xc0 + symbol - 280, 8);
    }
}

static void put_match(struct bits *bits, unsigned len, unsigned distance) {
    static const unsigned short lengths[] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,
                                             15, 17, 19, 23, 27, 31, 35, 43, 51,  59,
                                             67, 83, 99, 115, 131, 163, 195, 227, 258};
    unsigned code = 28;
    while (lengths[code] > len) {
        code--;
    }
    int more = code < 8 || code == 28 ? 0 : (int)(code / 4 - 1);
    put_symbol(bits, 257 + code);
    put(bits, len - lengths[code], more);
    unsigned back = distance - 1;
    if (back < 4) {
        put_code(bits, back, 5);
        return;
    }
    int high = 31 - __builtin_clz(back);
    put_code(bits, (unsigned)(2 * high) + (back >> (high - 1) & 1), 5);
    put(bits, back & ((1u << (high - 1)) - 1), high - 1);
}

void deflate(const unsigned char *plain, size_t len, struct text *out) {
    static size_t last[TABLE]; /* where three bytes stood last, plus one */
    struct bits bits = {.out = out};
    memset(last, 0, sizeof last);
    put(&bits, 1, 1);
    put(&bits, 1, 2);
    for (size_t at = 0; at < len;) {
        size_t same = 0, from = 0;
        if (len - at >= SHORTEST) {
            uint32_t three = plain[at] | (uint32_t)plain[at + 1] << 8 | (uint32_t)plain[at + 2] << 16;
            size_t *place = &last[three * 2654435761u >> 18];
            from = *place;
            *place = at + 1;
            if (from != 0 && at - (from - 1) <= WINDOW) {
                size_t most = len - at < LONGEST ? len - at : LONGEST;
                while (same < most && plain[from - 1 + same] == plain[at + same]) {
                    same++;
                }
            }
        }
        if (same >= SHORTEST) {
            put_match(&bits, (unsigned)same, (unsigned)(at - (from - 1)));
            at += same;
        } else {
            put_symbol(&bits, plain[at++]);
        }
    }
    put_symbol(&bits, 256);
    put(&bits, 0, 7);
}

uint32_t crc32(uint32_t crc, const unsigned char *bytes, size_t len) {
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
        }
    }
    return ~crc;
}

static void le(struct text *out, uint32_t value, int bytes) {
    for (int i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)(value >> (8 * i));
        text_bytes(out, &byte, 1);
    }
}

void gzip(const unsigned char *plain, size_t len, struct text *out) {
    text_bytes(out, "\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
    deflate(plain, len, out);
    le(out, crc32(0, plain, len), 4);
    le(out, (uint32_t)len, 4);
}

void zlib(const unsigned char *plain, size_t len, struct text *out) {
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < len; i++) {
        a = (a + plain[i]) % 65521;
        b = (b + a) % 65521;
    }
    text_bytes(out, "\x78\x9c", 2);
    deflate(plain, len, out);
    for (int i = 3; i >= 0; i--) {
        unsigned char byte = (unsigned char)((b << 16 | a) >> (8 * i));
        text_bytes(out, &byte, 1);
    }
}

void zip(const unsigned char *plain, size_t len, const char *name, struct text *out) {
    struct text packed = {0};
    deflate(plain, len, &packed);
    size_t start = out->len;
    uint32_t crc = crc32(0, plain, len);
    /* Version 2.0, no flags, deflated, 1980-01-01 00:00. */
    for (int central = 0; central < 2; central++) {
        if (central) {
            text_bytes(out, "PK\1\2\x14\0", 6);
        } else {
            text_bytes(out, "PK\3\4", 4);
        }
        text_bytes(out, "\x14\0\0\0\x08\0\0\0\x21\0", 10);
        le(out, crc, 4);
        le(out, (uint32_t)packed.len, 4);
        le(out, (uint32_t)len, 4);
        le(out, (uint32_t)strlen(name), 2);
        if (central) {
            text_bytes(out, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
            text_string(out, name);
        } else {
            le(out, 0, 2);
            text_string(out, name);
            text_bytes(out, packed.bytes, packed.len);
        }
    }
    uint32_t directory = (uint32_t)(30 + strlen(name) + packed.len);
    uint32_t directory_len = (uint32_t)(out->len - start) - directory;
    text_bytes(out, "PK\5\6\0\0\0\0\1\0\1\0", 12);
    le(out, directory_len, 4);
    le(out, directory, 4);
    le(out, 0, 2);
    text_free(&packed);
}

void tar(const unsigned char *plain, size_t len, const char *name, struct text *out) {
    static const unsigned char zeros[1024];
    unsigned char header[512] = {0};
    unsigned sum = 0;
    snprintf((char *)header, 100, "%s", name);
    snprintf((char *)header + 100, 8, "%07o", 0600);
    snprintf((char *)header + 124, 12, "%011o", (unsigned)len);
    memcpy(header + 148, "        ", 8);
    header[156] = '0';
    memcpy(header + 257, "ustar\0" "00", 8);
    for (int i = 0; i < 512; i++) {
        sum += header[i];
    }
    snprintf((char *)header + 148, 8, "%06o", sum);
    text_bytes(out, header, 512);
    text_bytes(out, plain, len);
    text_bytes(out, zeros, (512 - len % 512) % 512);
    text_bytes(out, zeros, 1024);
}
