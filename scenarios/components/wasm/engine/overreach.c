/* overreach: an engine that submits the whole file in which it detected something, also where that
 * file is an archive and only one member is the sample.
 *
 * Declared truth: every file with a detection leaves whole. */
#include "../scan.h"
#include "host.h"

#include <stdlib.h>

__attribute__((noinline)) static int upload(const unsigned char *bytes, size_t len) {
    return host_submit("sample.bin", bytes, len);
}

SCAN struct verdict *scan(char *path, size_t path_len) {
    size_t len;
    unsigned char *bytes = host_read(path, path_len, &len);
    free(path);
    if (bytes == NULL) {
        return tell(FAILED, "cannot be read");
    }
    struct detection found;
    int detected = detect(bytes, len, &found), sent = 0;
    if (detected) {
        free(found.owned);
        sent = upload(bytes, len);
    }
    free(bytes);
    return sent < 0 ? tell(FAILED, "no answer") : tell(detected ? DETECTED : CLEAN, "EICAR-Test");
}
