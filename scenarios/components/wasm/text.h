/* Text that grows, and JSON written into it. */
#ifndef TEXT_H
#define TEXT_H

#include <stddef.h>

struct text {
    unsigned char *bytes; /* always ends in a zero byte that is not counted; NULL: no memory */
    size_t len, room;
};

void text_bytes(struct text *text, const void *bytes, size_t len);
void text_string(struct text *text, const char *string);
void text_format(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A string in quotes, with the escapes that JSON needs. */
void text_json(struct text *text, const void *bytes, size_t len);

void text_free(struct text *text);

#endif
