/* Just enough of a JSON reader for a case: values of keys of objects, items of lists. */
#ifndef JSON_H
#define JSON_H

#include <stddef.h>

/* A value inside a text; NULL: none. */
typedef const char *json;

json json_key(json object, const char *key);
json json_item(json list, size_t number);
int json_is(json value, const char *string);

/* A string without its quotes and escapes, to be freed; NULL if it is none. */
char *json_string(json value);
unsigned long long json_number(json value, unsigned long long otherwise);

#endif
