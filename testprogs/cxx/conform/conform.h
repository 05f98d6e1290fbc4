// conform.h: what the parts of conform share.
#ifndef LATCH_CONFORM_H
#define LATCH_CONFORM_H

#include "../../c/protocol.h"
#include <cstddef>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>

// The parts; each calls its functions and prints their cells.
namespace conform {
void references();
void strings();
void enums();
void templates();
void classes();
void bases();
void virtuals();
void passing();
void containers();
void lambdas();
}

// cell begins a line "value FUNCTION: EXPRESSION = ", or does nothing.
bool cell(const char *f, const char *e);

// USE makes the compiler believe that v is read here, where it still is what
// it was at the entry.
#define USE(v) __asm__ volatile("" : : "r"(v) : "memory")

// KEPT is PROBED for what clang will not have used in vain: templates of
// members and closures.
#ifdef __clang__
#define KEPT __attribute__((noinline))
#else
#define KEPT __attribute__((noipa))
#endif

// garbage fills what an argument register holds beside the argument.
constexpr unsigned long garbage = 0xa5c3e1f0d2b49687UL;

template <typename T> unsigned long dirty(T v)
{
	if constexpr (sizeof(T) == 8)
		return static_cast<unsigned long>(v);
	else
		return (static_cast<unsigned long>(v) & ((1UL << 8 * sizeof(T)) - 1)) | garbage << 8 * sizeof(T);
}

// as makes a function of another type of f, of which the compiler then knows
// nothing.
template <typename F, typename G> F *as(G *f)
{
	void *p = reinterpret_cast<void *>(f);

	KEEP(p);
	return reinterpret_cast<F *>(p);
}

// json writes v as JSON.
inline std::string json(std::string_view v)
{
	std::ostringstream out;

	out << '"';
	for (unsigned char c : v)
		if (c == '"' || c == '\\' || c < ' ')
			out << "\\u" << std::hex << std::setw(4) << std::setfill('0') << int(c);
		else
			out << c;
	out << '"';
	return out.str();
}

inline std::string json(const char *v) { return json(std::string_view(v ? v : "(none)")); }
inline std::string json(const std::string &v) { return json(std::string_view(v)); }

template <typename T> std::string json(T v)
{
	std::ostringstream out;

	if constexpr (std::is_same_v<T, bool>)
		out << (v ? "true" : "false");
	else if constexpr (std::is_null_pointer_v<T>)
		out << "\"0x0\"";
	else if constexpr (std::is_pointer_v<T>)
		out << "\"0x" << std::hex << reinterpret_cast<unsigned long>(v) << '"';
	else if constexpr (std::is_floating_point_v<T>)
		out << std::setprecision(std::numeric_limits<T>::digits10) << v;
	else
		out << +v; // characters are numbers
	return out.str();
}

template <typename T> void put(const char *f, const char *e, const T &v)
{
	if (cell(f, e))
		std::cout << json(v) << '\n' << std::flush;
}

inline void put(const char *f, const char *e, char *v) { put<const char *>(f, e, v); }

// shown joins values as latch writes a struct's or an array's.
template <typename... T> std::string shown(const T &...v)
{
	std::ostringstream out;

	((out << v), ...);
	return out.str();
}

#endif
