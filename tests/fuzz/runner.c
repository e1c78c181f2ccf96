// Runs a fuzz target without libFuzzer: over files, and over inputs made from a seed. runner [--random N SEED] FILE...
#include <stdlib.h>
#include <string.h>
#include "consensus/base/rng.h"
#include "tests/fuzz/fuzz.h"

static uint8_t input[1 << 16];

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	if (!f) {
		fprintf(stderr, "%s: cannot be read\n", path);
		return 1;
	}
	size_t size = fread(input, 1, sizeof input, f);
	fclose(f);
	LLVMFuzzerTestOneInput(input, size);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long files = 0, made = 0;
	int failed = 0;
	for (int a = 1; a < argc; a++) {
		if (strcmp(argv[a], "--random") == 0 && a + 2 < argc) {
			unsigned long count = strtoul(argv[a + 1], NULL, 10);
			uint64_t rng = strtoull(argv[a + 2], NULL, 10);
			for (; made < count; made++) {
				size_t size = 16 + ep_random(&rng) % 600;
				for (size_t k = 0; k < size; k++)
					input[k] = (uint8_t)ep_random(&rng);
				LLVMFuzzerTestOneInput(input, size);
			}
			a += 2;
			continue;
		}
		failed |= run_file(argv[a]);
		files++;
	}
	printf("%lu files, %lu random inputs\n", files, made);
	return failed || files + made == 0;
}
