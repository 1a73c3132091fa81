#include "inflate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 15
#define LITERALS 288
#define DISTANCES 30

struct stream {
    const unsigned char *in;
    size_t len, at;
    uint32_t bits;
    int count;
    unsigned char *out;
    size_t out_len, room, most;
    int broken;
};

/* A canonical Huffman code: how many codes there are of each length, and their symbols in order. */
struct code {
    uint16_t counts[LONGEST + 1];
    uint16_t symbols[LITERALS];
};

static uint32_t take(struct stream *s, int need) {
    while (s->count < need) {
        if (s->at == s->len) {
            s->broken = 1;
            return 0;
        }
        s->bits |= (uint32_t)s->in[s->at++] << s->count;
        s->count += 8;
    }
    uint32_t value = s->bits & (((uint32_t)1 << need) - 1);
    s->bits >>= need;
    s->count -= need;
    return value;
}

static void put(struct stream *s, unsigned char byte) {
    if (s->out_len == s->room) {
        size_t room = s->room == 0 ? 4096 : s->room * 2;
        if (room > s->most) {
            room = s->most;
        }
        unsigned char *grown = room > s->out_len ? realloc(s->out, room) : NULL;
        if (grown == NULL) {
            s->broken = 1;
            return;
        }
        s->out = grown;
        s->room = room;
    }
    s->out[s->out_len++] = byte;
}

static void build(struct code *code, const uint8_t *lengths, int n) {
    uint16_t places[LONGEST + 1];
    memset(code->counts, 0, sizeof code->counts);
    for (int i = 0; i < n; i++) {
        code->counts[lengths[i]]++;
    }
    code->counts[0] = 0;
    places[1] = 0;
    for (int i = 1; i < LONGEST; i++) {
        places[i + 1] = places[i] + code->counts[i];
    }
    for (int i = 0; i < n; i++) {
        if (lengths[i] != 0) {
            code->symbols[places[lengths[i]]++] = (uint16_t)i;
        }
    }
}

static int symbol(struct stream *s, const struct code *code) {
    int value = 0, first = 0, index = 0;
    for (int len = 1; len <= LONGEST; len++) {
        value |= (int)take(s, 1);
        if (s->broken) {
            return -1;
        }
        int count = code->counts[len];
        if (value - count < first) {
            return code->symbols[index + (value - first)];
        }
        index += count;
        first = (first + count) << 1;
        value <<= 1;
    }
    s->broken = 1;
    return -1;
}

static const uint16_t length_base[29] = {3,  4,  5,  6,  7,  8,  9,  10, 11,  13,
                                         15, 17, 19, 23, 27, 31, 35, 43, 51,  59,
                                         67, 83, 99, 115, 131, 163, 195, 227, 258};
static const uint8_t length_more[29] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                        2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
static const uint16_t distance_base[DISTANCES] = {
    1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
    193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
static const uint8_t distance_more[DISTANCES] = {0, 0, 0, 0, 1, 1, 2,  2,  3,  3,  4,  4,  5,  5,  6,
                                                 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13};

static void compressed(struct stream *s, const struct code *literals, const struct code *distances) {
    while (!s->broken) {
        int value = symbol(s, literals);
        if (value == 256) {
            return;
        }
        if (value >= 0 && value < 256) {
            put(s, (unsigned char)value);
            continue;
        }
        value -= 257;
        if (value < 0 || value >= 29) {
            s->broken = 1;
            return;
        }
        size_t len = length_base[value] + take(s, length_more[value]);
        int far = symbol(s, distances);
        if (far < 0 || far >= DISTANCES) {
            s->broken = 1;
            return;
        }
        size_t distance = distance_base[far] + take(s, distance_more[far]);
        if (distance > s->out_len) {
            s->broken = 1;
            return;
        }
        while (len-- > 0 && !s->broken) {
            put(s, s->out[s->out_len - distance]);
        }
    }
}

static void fixed(struct stream *s) {
    uint8_t lengths[LITERALS];
    struct code literals, distances;
    for (int i = 0; i < LITERALS; i++) {
        lengths[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
    }
    build(&literals, lengths, LITERALS);
    memset(lengths, 5, DISTANCES);
    build(&distances, lengths, DISTANCES);
    compressed(s, &literals, &distances);
}

static void dynamic(struct stream *s) {
    static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LITERALS + 32];
    struct code first, literals, distances;
    int n = (int)take(s, 5) + 257, m = (int)take(s, 5) + 1, k = (int)take(s, 4) + 4;
    if (n > 286 || m > DISTANCES) {
        s->broken = 1;
        return;
    }
    memset(lengths, 0, sizeof lengths);
    for (int i = 0; i < k; i++) {
        lengths[order[i]] = (uint8_t)take(s, 3);
    }
    build(&first, lengths, 19);
    int at = 0;
    memset(lengths, 0, sizeof lengths);
    while (at < n + m && !s->broken) {
        int value = symbol(s, &first);
        if (value >= 0 && value < 16) {
            lengths[at++] = (uint8_t)value;
            continue;
        }
        uint8_t same = 0;
        int times;
        if (value == 16) {
            if (at == 0) {
                s->broken = 1;
                return;
            }
            same = lengths[at - 1];
            times = 3 + (int)take(s, 2);
        } else if (value == 17) {
            times = 3 + (int)take(s, 3);
        } else {
            times = 11 + (int)take(s, 7);
        }
        if (at + times > n + m) {
            s->broken = 1;
            return;
        }
        while (times-- > 0) {
            lengths[at++] = same;
        }
    }
    build(&literals, lengths, n);
    build(&distances, lengths + n, m);
    compressed(s, &literals, &distances);
}

static void stored(struct stream *s) {
    s->bits = 0;
    s->count = 0;
    if (s->len - s->at < 4) {
        s->broken = 1;
        return;
    }
    size_t len = s->in[s->at] | (size_t)s->in[s->at + 1] << 8;
    s->at += 4;
    if (s->len - s->at < len) {
        s->broken = 1;
        return;
    }
    while (len-- > 0 && !s->broken) {
        put(s, s->in[s->at++]);
    }
}

unsigned char *inflate(const unsigned char *in, size_t len, size_t most, size_t *out_len,
                       size_t *used) {
    struct stream s = {.in = in, .len = len, .most = most};
    int last = 0;
    while (!last && !s.broken) {
        last = (int)take(&s, 1);
        switch (take(&s, 2)) {
        case 0:
            stored(&s);
            break;
        case 1:
            fixed(&s);
            break;
        case 2:
            dynamic(&s);
            break;
        default:
            s.broken = 1;
        }
    }
    if (s.broken) {
        free(s.out);
        return NULL;
    }
    *out_len = s.out_len;
    *used = s.at - (size_t)(s.count / 8);
    return s.out != NULL ? s.out : calloc(1, 1);
}
