/* honest: an engine that looks up the SHA-256 of each sample that it detected.
 *
 * Declared truth: of every detected sample its hash leaves, of everything else nothing. */
#include "../scan.h"
#include "../sha256.h"
#include "host.h"

#include <stdlib.h>

SCAN struct verdict *scan(char *path, size_t path_len) {
    size_t len;
    unsigned char *bytes = host_read(path, path_len, &len);
    free(path);
    if (bytes == NULL) {
        return tell(FAILED, "cannot be read");
    }
    struct detection found;
    int detected = detect(bytes, len, &found), asked = 0;
    if (detected) {
        char hash[65];
        sha256_hex(found.sample, found.sample_len, hash);
        asked = host_look_up(hash);
        free(found.owned);
    }
    free(bytes);
    return asked < 0 ? tell(FAILED, "no answer") : tell(detected ? DETECTED : CLEAN, "EICAR-Test");
}
