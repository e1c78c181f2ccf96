// CRC32C by hardware (x86-64-v2), eight bytes at a time.
#include "consensus/base/bytes.h"

uint32_t ep_crc32c(uint32_t crc, const void *data, uint32_t len)
{
	const uint8_t *p = (const uint8_t *)data;
	uint64_t c = ~crc;
	for (; len >= 8; p += 8, len -= 8)
		c = __builtin_ia32_crc32di(c, ep_load64(p));
	for (; len > 0; p++, len--)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p);
	return ~(uint32_t)c;
}
