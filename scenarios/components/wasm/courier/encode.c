#include "encode.h"

#include "../sha256.h"
#include "deflate.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The key of 13 bytes that stands in the component, and what is added to each byte. */
static const unsigned char fixed_key[13] = {0x9d, 0x21, 0xf0, 0x5e, 0x83, 0x17, 0xcb,
                                            0x64, 0xa8, 0x3d, 0xd2, 0x0f, 0x76};
#define ADDED 0x2b
/* Samples in a row of the image are three times this. */
#define WIDTH 64

static void byte(struct text *out, unsigned value) {
    unsigned char one = (unsigned char)value;
    text_bytes(out, &one, 1);
}

static void be(struct text *out, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) {
        byte(out, (unsigned)(value >> (8 * i)));
    }
}

void drawn(uint64_t seed, const char *label, unsigned char *out, size_t len) {
    for (uint64_t counter = 0; len > 0; counter++) {
        struct text text = {0};
        unsigned char digest[32];
        be(&text, seed, 8);
        text_string(&text, label);
        be(&text, counter, 8);
        sha256(text.bytes, text.len, digest);
        size_t count = len < 32 ? len : 32;
        memcpy(out, digest, count);
        out += count;
        len -= count;
        text_free(&text);
    }
}

/* Groups of `bits` bits by an alphabet (RFC 4648), filled up to whole groups with `pad`. */
static void by_bits(const unsigned char *plain, size_t len, int bits, const char *alphabet, int pad,
                    struct text *out) {
    unsigned held = 0;
    int count = 0;
    size_t begin = out->len;
    for (size_t i = 0; i < len; i++) {
        held = (held << 8 | plain[i]) & 0xffff;
        for (count += 8; count >= bits; count -= bits) {
            byte(out, (unsigned char)alphabet[held >> (count - bits) & ((1u << bits) - 1)]);
        }
    }
    if (count > 0) {
        byte(out, (unsigned char)alphabet[held << (bits - count) & ((1u << bits) - 1)]);
    }
    while (pad && (out->len - begin) % 4 != 0) {
        byte(out, '=');
    }
}

/* One number in base 58, with a `1` for each leading zero byte. */
static void base58(const unsigned char *plain, size_t len, struct text *out) {
    static const char alphabet[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    unsigned char *digits = calloc(len * 2 + 1, 1);
    size_t count = 0, zeros = 0;
    while (zeros < len && plain[zeros] == 0) {
        zeros++;
    }
    for (size_t i = 0; digits != NULL && i < len; i++) {
        unsigned carry = plain[i];
        for (size_t at = 0; at < count; at++) {
            carry += (unsigned)digits[at] << 8;
            digits[at] = (unsigned char)(carry % 58);
            carry /= 58;
        }
        for (; carry > 0; carry /= 58) {
            digits[count++] = (unsigned char)(carry % 58);
        }
    }
    for (size_t i = 0; i < zeros; i++) {
        byte(out, '1');
    }
    while (count > 0) {
        byte(out, (unsigned char)alphabet[digits[--count]]);
    }
    free(digits);
}

/* The form of btoa without its frame; `z` for four zero bytes. */
static void ascii85(const unsigned char *plain, size_t len, struct text *out) {
    for (size_t at = 0; at < len; at += 4) {
        size_t count = len - at < 4 ? len - at : 4;
        uint32_t number = 0;
        unsigned char five[5];
        for (size_t i = 0; i < 4; i++) {
            number = number << 8 | (i < count ? plain[at + i] : 0);
        }
        if (number == 0 && count == 4) {
            byte(out, 'z');
            continue;
        }
        for (int i = 4; i >= 0; i--, number /= 85) {
            five[i] = (unsigned char)('!' + number % 85);
        }
        text_bytes(out, five, count + 1);
    }
}

static void escaped(const unsigned char *plain, size_t len, const char *stays, const char *format,
                    struct text *out) {
    for (size_t i = 0; i < len; i++) {
        if (isalnum(plain[i]) || (plain[i] != 0 && strchr(stays, plain[i]) != NULL)) {
            byte(out, plain[i]);
        } else {
            char one[16];
            snprintf(one, sizeof one, format, plain[i]);
            text_string(out, one);
        }
    }
}

/* RFC 2045, section 6.7: at most 76 characters a line. */
static void quoted_printable(const unsigned char *plain, size_t len, struct text *out) {
    unsigned column = 0;
    for (size_t i = 0; i < len; i++) {
        int literal = plain[i] >= '!' && plain[i] <= '~' && plain[i] != '=';
        unsigned width = literal ? 1 : 3;
        if (column + width > 75) {
            text_string(out, "=\r\n");
            column = 0;
        }
        column += width;
        if (literal) {
            byte(out, plain[i]);
        } else {
            text_format(out, "=%02X", plain[i]);
        }
    }
}

static void xored(const unsigned char *plain, size_t len, const unsigned char *key, size_t key_len,
                  struct text *out) {
    for (size_t i = 0; i < len; i++) {
        byte(out, plain[i] ^ key[i % key_len]);
    }
}

/* Chunks of 96 bytes, each with its number and length, out of order. */
static void chunks(const unsigned char *plain, size_t len, uint64_t seed, struct text *out) {
    size_t count = (len + 95) / 96;
    size_t *order = calloc(count + 1, sizeof *order);
    unsigned char *draws = calloc(count + 1, 4);
    if (order == NULL || draws == NULL) {
        exit(2);
    }
    for (size_t i = 0; i < count; i++) {
        order[i] = i;
    }
    drawn(seed, "order", draws, count * 4);
    for (size_t i = count; i-- > 0;) {
        uint32_t number = (uint32_t)draws[4 * i] << 24 | (uint32_t)draws[4 * i + 1] << 16 |
                          (uint32_t)draws[4 * i + 2] << 8 | draws[4 * i + 3];
        size_t other = number % (i + 1), kept = order[i];
        order[i] = order[other];
        order[other] = kept;
    }
    for (size_t i = 0; i < count; i++) {
        size_t at = order[i] * 96, piece = len - at < 96 ? len - at : 96;
        be(out, order[i], 4);
        be(out, piece, 2);
        text_bytes(out, plain + at, piece);
    }
    free(order);
    free(draws);
}

static void png_chunk(const char *name, const unsigned char *data, size_t len, struct text *out) {
    be(out, len, 4);
    text_string(out, name);
    text_bytes(out, data, len);
    uint32_t crc = crc32(0, (const unsigned char *)name, 4);
    be(out, crc32(crc, data, len), 4);
}

/* The payload, its length before it, in the lowest bits of an image of soft hills with noise. */
static void low_bits(const unsigned char *plain, size_t len, uint64_t seed, struct text *out) {
    struct text message = {0}, raw = {0}, packed = {0}, header = {0};
    be(&message, len, 4);
    text_bytes(&message, plain, len);
    size_t row = WIDTH * 3, height = (message.len * 8 + row - 1) / row;
    unsigned char *noise = malloc(row * height);
    if (noise == NULL) {
        exit(2);
    }
    drawn(seed, "noise", noise, row * height);
    for (size_t y = 0; y < height; y++) {
        byte(&raw, 0);
        for (size_t x = 0; x < row; x++) {
            size_t place = y * row + x;
            unsigned hill = (unsigned)(96 + (x / 3 * 2 + y) % 96);
            unsigned value = (hill + (noise[place] & 0x0e)) & 0xfe;
            unsigned bit = place / 8 < message.len
                               ? message.bytes[place / 8] >> (7 - place % 8) & 1u
                               : noise[place] >> 7;
            byte(&raw, value | bit);
        }
    }
    zlib(raw.bytes, raw.len, &packed);
    be(&header, WIDTH, 4);
    be(&header, height, 4);
    text_bytes(&header, "\x08\x02\0\0\0", 5);
    text_bytes(out, "\x89PNG\r\n\x1a\n", 8);
    png_chunk("IHDR", header.bytes, header.len, out);
    png_chunk("IDAT", packed.bytes, packed.len, out);
    png_chunk("IEND", (const unsigned char *)"", 0, out);
    free(noise);
    text_free(&message);
    text_free(&raw);
    text_free(&packed);
    text_free(&header);
}

static void hex(const unsigned char *plain, size_t len, struct text *out) {
    by_bits(plain, len, 4, "0123456789abcdef", 0, out);
}

int encode(const char *encoding, const unsigned char *plain, size_t len, uint64_t seed,
           struct text *out) {
#define IS(name) else if (strcmp(encoding, name) == 0)
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char digest[32], key[24];
    text_bytes(out, "", 0);
    if (strcmp(encoding, "none") == 0) {
        text_bytes(out, plain, len);
    }
    IS("hex") {
        hex(plain, len, out);
    }
    IS("base32") {
        by_bits(plain, len, 5, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 0, out);
    }
    IS("base32hex") {
        by_bits(plain, len, 5, "0123456789ABCDEFGHIJKLMNOPQRSTUV", 0, out);
    }
    IS("base58") {
        base58(plain, len, out);
    }
    IS("base64") {
        by_bits(plain, len, 6, base64, 1, out);
    }
    IS("base64url") {
        by_bits(plain, len, 6, url, 0, out);
    }
    IS("ascii85") {
        ascii85(plain, len, out);
    }
    IS("percent") {
        escaped(plain, len, "-._~", "%%%02X", out);
    }
    IS("html-entity") {
        escaped(plain, len, " ", "&#%u;", out);
    }
    IS("json-escapes") {
        escaped(plain, len, " ", "\\u%04x", out);
    }
    IS("quoted-printable") {
        quoted_printable(plain, len, out);
    }
    IS("gzip") {
        gzip(plain, len, out);
    }
    IS("deflate") {
        deflate(plain, len, out);
    }
    IS("zlib") {
        zlib(plain, len, out);
    }
    IS("tar") {
        tar(plain, len, "part.bin", out);
    }
    IS("zip") {
        zip(plain, len, "part.bin", out);
    }
    IS("xor-fixed") {
        xored(plain, len, fixed_key, sizeof fixed_key, out);
    }
    IS("xor-sent") {
        drawn(seed, "xor", key, sizeof key);
        text_bytes(out, key, sizeof key);
        xored(plain, len, key, sizeof key, out);
    }
    IS("byte-addition") {
        for (size_t i = 0; i < len; i++) {
            byte(out, plain[i] + ADDED);
        }
    }
    IS("hash") {
        sha256(plain, len, digest);
        hex(digest, 32, out);
    }
    IS("truncated-hash") {
        sha256(plain, len, digest);
        hex(digest, 12, out);
    }
    IS("salted-hash") {
        struct text both = {0};
        drawn(seed, "salt", key, 16);
        text_bytes(&both, key, 16);
        text_bytes(&both, plain, len);
        sha256(both.bytes, both.len, digest);
        hex(key, 16, out);
        text_string(out, ":");
        hex(digest, 32, out);
        text_free(&both);
    }
    IS("image-low-bits") {
        low_bits(plain, len, seed, out);
    }
    IS("reversal") {
        for (size_t i = len; i-- > 0;) {
            byte(out, plain[i]);
        }
    }
    IS("utf-16") {
        for (size_t i = 0; i < len; i++) {
            byte(out, plain[i]);
            byte(out, 0);
        }
    }
    IS("protobuf") {
        text_bytes(out, "\x08\x07\x12", 3);
        size_t left = len;
        for (; left >= 0x80; left >>= 7) {
            byte(out, (unsigned)(left & 0x7f) | 0x80);
        }
        byte(out, (unsigned)left);
        text_bytes(out, plain, len);
        text_bytes(out, "\x1a\x05state", 7);
    }
    IS("cbor") {
        text_bytes(out, "\xa2\x64kind\x07\x64" "data\x5a", 13);
        be(out, len, 4);
        text_bytes(out, plain, len);
    }
    IS("messagepack") {
        text_bytes(out, "\x82\xa4kind\x07\xa4" "data\xc6", 13);
        be(out, len, 4);
        text_bytes(out, plain, len);
    }
    IS("chunks-out-of-order") {
        chunks(plain, len, seed, out);
    }
    else {
        return -1;
    }
    return 0;
#undef IS
}
