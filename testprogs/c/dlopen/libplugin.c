#include "../protocol.h"

PROBED long plugin_work(long v)
{
	KEEP(v);
	return v;
}
