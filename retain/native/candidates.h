/* Candidates of one customer and what the trees see of them, as retain.one.candidates has it.
 *
 * Products are numbered: a table as long as there are products tells which slot is whose, and is
 * clean again after every search. Nothing that could run Python happens in between.
 */
#ifndef RETAIN_CANDIDATES_H
#define RETAIN_CANDIDATES_H

#include "histories.h"

static Function exp_, log_, log1p_;

/* what is as long as these; a model of other numbers is refused */
enum { KEPT = 32, POPULAR = 15, SEEDS = 8, SEEDS_VIEWED = 5 };
static const double LENGTHS[] = {KEPT, POPULAR, SEEDS, SEEDS_VIEWED, PRODUCTS, CATEGORIES, SEEN};
enum { MANY_LENGTHS = sizeof(LENGTHS) / sizeof(*LENGTHS) };
enum { SEED_DAYS, LATELY_DAYS, CATEGORY_DAYS, SMALL, DEARER_FROM, DEARER_TO, CONSTANTS };
enum { TIMES, PER_ORDER, AGE, SINCE, POSITION, VIEWED, CART, WITH, ALIKE, SHARE = 13, CATEGORY_AGE,
       WHOLE = 16, COLUMNS = 21, NUMBERS = COLUMNS - WHOLE };

enum { REPEAT, UPGRADE, SIMILAR, COMPLEMENT, OTHERWISE, RELATIONS };

typedef struct {
    npy_intp product;
    double position, times, age, viewed, cart, near, alike, score;
} Slot;

/* The arrays a model is made of, in the order they are given in. */
enum { FIXED, MOST_SOLD, NEAR_WEIGHT, ALIKE_WEIGHT, COARSE, CALIBRATION, OF_CATEGORIES, RECENT,
       LASTING, COUNTS, SCALES, DOUBLES };
enum { CATEGORY, NEAR, LOOKED_AT, PLACES };

typedef struct {
    PyObject_HEAD
    PyObject *place, *category_place, *ids, *names, *relations;
    PyArrayObject *doubles[DOUBLES], *places[PLACES];
    npy_intp products, categories, many, *slot_of;
    Slot *slots;
    double *work, *dearest;
} Items;

#define D(which) numbers(own->doubles[which])
#define CONSTANT(which) (D(SCALES)[which])
#define P(which) ((const npy_intp *)PyArray_DATA(own->places[which]))

static inline double least_one(double value) { return 1.0 > value ? 1.0 : value; }

/* Whether all parts are as long as products and categories say, and no place is out of them. */
static int fits(const Items *own) {
    npy_intp products = own->products, categories = own->categories;
    for (int at = NEAR; at < PLACES; at++) {
        PyArrayObject *weight = own->doubles[at == NEAR ? NEAR_WEIGHT : ALIKE_WEIGHT];
        if (PyArray_NDIM(own->places[at]) != 2 || PyArray_DIM(own->places[at], 0) < products ||
            PyArray_SIZE(own->places[at]) != PyArray_SIZE(weight))
            return 0;
        for (npy_intp of = 0; of < PyArray_SIZE(own->places[at]); of++)
            if (P(at)[of] < 0 || P(at)[of] > products) return 0;
    }
    npy_intp sizes[DOUBLES] = {products * COLUMNS, products, -1, -1, 8, 4, 10, categories,
                               categories, MANY_LENGTHS, CONSTANTS};
    for (int at = 0; at < DOUBLES; at++)
        if (sizes[at] >= 0 && PyArray_SIZE(own->doubles[at]) != sizes[at]) return 0;
    for (int at = 0; at < MANY_LENGTHS; at++)
        if (D(COUNTS)[at] != LENGTHS[at]) return 0;
    if (PyArray_SIZE(own->places[CATEGORY]) != products) return 0;
    for (npy_intp at = 0; at < products; at++)
        if (P(CATEGORY)[at] < 0 || P(CATEGORY)[at] > categories) return 0;
    return PyTuple_GET_SIZE(own->relations) == RELATIONS;
}

static Slot *slot(Items *own, npy_intp product) {
    npy_intp *at = own->slot_of + product;
    if (*at < 0) {
        *at = own->many++;
        own->slots[*at] = (Slot){.product = product, .position = -1.0};
    }
    return own->slots + *at;
}

static void put_bought(Items *own, const Known *bought, npy_intp many) {
    double logs[PRODUCTS], fading[PRODUCTS], fresh[PRODUCTS], strengths[PRODUCTS];
    const double *coarse = D(COARSE);
    for (npy_intp at = 0; at < many; at++) {
        strengths[at] = bought[at].times;
        fading[at] = -bought[at].age / CONSTANT(SEED_DAYS);
        fresh[at] = -bought[at].age / CONSTANT(LATELY_DAYS);
    }
    applied(&log1p_, strengths, logs, many);
    applied(&exp_, fading, fading, many);
    applied(&exp_, fresh, fresh, many);
    npy_intp seeds[SEEDS], chosen = 0;
    for (npy_intp at = 0; at < many; at++) {
        const Known *one = bought + at;
        Slot *of = slot(own, one->place);
        of->position = (double)one->at;
        of->times = one->times;
        of->age = one->age;
        of->score = coarse[0] + logs[at] * coarse[1] + fresh[at] * coarse[2] +
                    1.0 / (1.0 + (double)one->at) * coarse[3];
        strengths[at] = logs[at] * fading[at];
        npy_intp to = chosen;
        while (to > 0 && strengths[at] > strengths[seeds[to - 1]]) to--;
        if (to == SEEDS) continue;
        if (chosen < SEEDS) chosen++;
        memmove(seeds + to + 1, seeds + to, (size_t)(chosen - 1 - to) * sizeof(*seeds));
        seeds[to] = at;
    }
    npy_intp width = PyArray_DIM(own->places[NEAR], 1);
    for (npy_intp seed = 0; seed < chosen; seed++) {
        npy_intp first = bought[seeds[seed]].place * width;
        for (npy_intp at = first; at < first + width; at++)
            if (P(NEAR)[at] < own->products)
                slot(own, P(NEAR)[at])->near += D(NEAR_WEIGHT)[at] * strengths[seeds[seed]];
    }
}

static void put_looked_at(Items *own, const npy_intp *products, npy_intp many) {
    npy_intp width = PyArray_DIM(own->places[LOOKED_AT], 1);
    for (npy_intp place = 0; place < many && place < SEEDS_VIEWED; place++) {
        npy_intp first = products[place] * width;
        for (npy_intp at = first; first >= 0 && at < first + width; at++)
            if (P(LOOKED_AT)[at] < own->products)
                slot(own, P(LOOKED_AT)[at])->alike += D(ALIKE_WEIGHT)[at];
    }
}

static int better(const Slot *one, const Slot *other) {
    return one->score > other->score ||
           (one->score == other->score && one->product < other->product);
}

/* The best of the slots, in the order of their products; the table of slots is clean again. */
static npy_intp best(Items *own, const char *sold_out, const Slot **kept) {
    const double *coarse = D(COARSE);
    double *near = own->work, *alike = near + own->many;
    npy_intp many = 0, left = 0;
    for (npy_intp at = 0; at < own->many; at++) {
        near[at] = own->slots[at].near;
        alike[at] = own->slots[at].alike;
    }
    applied(&log1p_, near, near, 2 * own->many);
    for (npy_intp at = 0; at < own->many; at++) {
        Slot *one = own->slots + at;
        one->score = one->score + one->viewed * coarse[4] + one->cart * coarse[5] +
                     near[at] * coarse[6] + alike[at] * coarse[7] + D(MOST_SOLD)[one->product];
        own->slot_of[one->product] = -1;
        npy_intp to = many;
        while (to > 0 && better(one, kept[to - 1])) to--;
        if (to == KEPT) continue;
        if (many < KEPT) many++;
        memmove(kept + to + 1, kept + to, (size_t)(many - 1 - to) * sizeof(*kept));
        kept[to] = one;
    }
    for (npy_intp at = 0; at < many; at++) {
        const Slot *one = kept[at];
        if (sold_out[one->product]) continue;
        npy_intp to = left++;
        for (; to > 0 && one->product < kept[to - 1]->product; to--) kept[to] = kept[to - 1];
        kept[to] = one;
    }
    return left;
}

/* What the trees see; ``whole`` is of the customer: orders, recency, basket, variety, novelty. */
static void fill(const Items *own, const Slot *const *kept, npy_intp many, const Known *known,
                 npy_intp of_categories, double total, const double *whole, double *cells) {
    for (npy_intp at = 0; at < many; at++, cells += COLUMNS) {
        const Slot *one = kept[at];
        memcpy(cells, D(FIXED) + one->product * COLUMNS, WHOLE * sizeof(double));
        memcpy(cells + WHOLE, whole, NUMBERS * sizeof(double));
        if (one->position >= 0.0) {
            cells[TIMES] = one->times;
            cells[PER_ORDER] = one->times / least_one(whole[0]);
            cells[AGE] = one->age;
            cells[SINCE] = one->age - whole[1];
            cells[POSITION] = one->position;
        }
        cells[VIEWED] = one->viewed;
        cells[CART] = one->cart;
        cells[WITH] = one->near;
        cells[ALIKE] = one->alike;
        for (npy_intp of = 0; of < of_categories; of++)
            if (known[of].place == P(CATEGORY)[one->product]) {
                cells[SHARE] = known[of].times / least_one(total);
                cells[CATEGORY_AGE] = known[of].age;
            }
    }
}

#endif
