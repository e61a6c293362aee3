// N numbers side by side, kept in registers: with arrays in their place compilers keep the sums of a loop in memory.
#pragma once

#include <cstring>

namespace tympan {

#if defined(__GNUC__)
using Four = float __attribute__((vector_size(16)));
#else
struct Four {
    float a, b, c, d;

    friend Four operator+(Four x, Four y) { return {x.a + y.a, x.b + y.b, x.c + y.c, x.d + y.d}; }
    friend Four operator*(Four x, Four y) { return {x.a * y.a, x.b * y.b, x.c * y.c, x.d * y.d}; }
};
#endif

template <int N>
struct Lanes {
    static_assert(N % 4 == 0);
    Four parts[N / 4];

    static Lanes load(const float* from) {
        Lanes lanes;
        std::memcpy(lanes.parts, from, sizeof lanes.parts);
        return lanes;
    }
    static Lanes all(float value) {
        Lanes lanes;
        for (Four& part : lanes.parts) part = Four{value, value, value, value};
        return lanes;
    }
    void store(float* to) const { std::memcpy(to, parts, sizeof parts); }

    friend Lanes operator+(Lanes a, const Lanes& b) {
        for (int i = 0; i < N / 4; ++i) a.parts[i] = a.parts[i] + b.parts[i];
        return a;
    }
    friend Lanes operator*(Lanes a, const Lanes& b) {
        for (int i = 0; i < N / 4; ++i) a.parts[i] = a.parts[i] * b.parts[i];
        return a;
    }
    friend Lanes operator*(float a, const Lanes& b) { return all(a) * b; }
    Lanes& operator+=(const Lanes& b) { return *this = *this + b; }
};

}  // namespace tympan
