/* Gradient-boosted trees of LightGBM, and the sum of their leaves of a row.
 *
 * A walk goes where Tree::NumericalDecision and Tree::CategoricalDecision of LightGBM go
 * (include/LightGBM/tree.h), and leaves are summed in its order (GBDT::PredictRaw).
 */
#ifndef RETAIN_TREES_H
#define RETAIN_TREES_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#define TREES_CAPSULE "retain.trees"

/* LightGBM's kZeroThreshold: what is nearer to zero is zero to it. */
#define TREES_ZERO ((double)1e-35f)

enum { TREES_CATEGORY = 0x8000, TREES_UNUSUAL = 0x4000, TREES_FEATURE = 0x3fff };
enum { TREES_RIGHT, TREES_LEFT, TREES_MISSING };
enum { TREES_TOGETHER = 8, TREES_CHUNK = 128, TREES_BLOCK = 32 };

/* A split, or a leaf, whose steps are all zero: who arrived stays while others walk on.
 *
 * Usual categories are fewer than 64; unusual is a split by more, or one whose zeros are missing.
 */
typedef struct {
    union {
        double threshold; /* of a leaf: its value */
        uint64_t categories; /* that go to the left; of more of them: where they are in ``bits`` */
    };
    uint16_t feature; /* with what is special of the split */
    uint16_t steps[3];
} TreesNode;

typedef struct {
    const TreesNode *root;
    int16_t special; /* whether it has splits by categories, or unusual ones */
    uint16_t depth;
    /* those of a chunk stand as they are walked in one go: where in LightGBM's order this one is,
       and where the one is that is in that order where this one stands */
    uint16_t place, stands;
} Tree;

typedef struct {
    int32_t width, many;
    const Tree *trees;
    const uint32_t *bits; /* of a split by many categories: the number of words, and the words */
} Trees;

static inline const TreesNode *trees_next(const TreesNode *at, const double *row) {
    double value = row[at->feature];
    return at + at->steps[(value <= at->threshold) + TREES_MISSING * (value != value)];
}

static inline const TreesNode *trees_next_unusual(const Trees *own, const TreesNode *at,
                                                  double value) {
    if (!(at->feature & TREES_CATEGORY)) {
        int missing = value != value || fabs(value) <= TREES_ZERO;
        return at + at->steps[missing ? TREES_MISSING : value <= at->threshold];
    }
    const uint32_t *bits = own->bits + at->categories;
    if (!(value > -1.0 && value < 2147483648.0)) return at + at->steps[TREES_RIGHT];
    uint32_t category = (uint32_t)value, word = category / 32;
    return at + at->steps[word < *bits && bits[1 + word] >> category % 32 & 1];
}

static inline const TreesNode *trees_next_special(const Trees *own, const TreesNode *at,
                                                  const double *row) {
    double value = row[at->feature & TREES_FEATURE];
    if (at->feature & TREES_UNUSUAL) return trees_next_unusual(own, at, value);
    if (at->feature & TREES_CATEGORY) {
        int known = value > -1.0 && value < 64.0;
        return at + at->steps[known ? at->categories >> (unsigned)value & 1 : TREES_RIGHT];
    }
    return at + at->steps[(value <= at->threshold) + TREES_MISSING * (value != value)];
}

/* Walks that do not wait for one another: of TREES_TOGETHER rows through one tree. */
static inline void trees_rows(const Trees *own, const Tree *tree, const double *rows,
                              double *scores) {
    const TreesNode *at[TREES_TOGETHER];
    for (int one = 0; one < TREES_TOGETHER; one++) at[one] = tree->root;
    if (tree->special)
        for (int32_t step = 0; step < tree->depth; step++)
            for (int one = 0; one < TREES_TOGETHER; one++)
                at[one] = trees_next_special(own, at[one], rows + (ptrdiff_t)one * own->width);
    else
        for (int32_t step = 0; step < tree->depth; step++)
            for (int one = 0; one < TREES_TOGETHER; one++)
                at[one] = trees_next(at[one], rows + (ptrdiff_t)one * own->width);
    for (int one = 0; one < TREES_TOGETHER; one++) scores[one] += at[one]->threshold;
}

/* Of one row through TREES_TOGETHER trees. */
static inline void trees_group(const Trees *own, const Tree *trees, const double *row,
                               double *values) {
    const TreesNode *at[TREES_TOGETHER];
    int32_t depth = trees[TREES_TOGETHER - 1].depth;
    int special = 0;
    for (int one = 0; one < TREES_TOGETHER; one++) {
        at[one] = trees[one].root;
        special |= trees[one].special;
        if (trees[one].depth > depth) depth = trees[one].depth;
    }
    if (special)
        for (int32_t step = 0; step < depth; step++)
            for (int one = 0; one < TREES_TOGETHER; one++)
                at[one] = trees_next_special(own, at[one], row);
    else
        for (int32_t step = 0; step < depth; step++)
            for (int one = 0; one < TREES_TOGETHER; one++) at[one] = trees_next(at[one], row);
    for (int one = 0; one < TREES_TOGETHER; one++) values[trees[one].place] = at[one]->threshold;
}

/* The raw score of one row, (width,). */
static double trees_score(const Trees *own, const double *row) {
    double score = 0.0, values[TREES_CHUNK];
    for (int32_t chunk = 0; chunk < own->many; chunk += TREES_CHUNK) {
        const Tree *trees = own->trees + chunk;
        int32_t tree = 0, many = own->many - chunk;
        if (many > TREES_CHUNK) many = TREES_CHUNK;
        for (; tree + TREES_TOGETHER <= many; tree += TREES_TOGETHER)
            trees_group(own, trees + tree, row, values);
        for (; tree < many; tree++) {
            const TreesNode *at = trees[tree].root;
            for (int32_t step = 0; step < trees[tree].depth; step++)
                at = trees_next_special(own, at, row);
            values[trees[tree].place] = at->threshold;
        }
        for (tree = 0; tree < many; tree++) score += values[tree];
    }
    return score;
}

static inline const Tree *trees_nth(const Trees *own, int32_t tree) {
    const Tree *chunk = own->trees + tree / TREES_CHUNK * TREES_CHUNK;
    return chunk + chunk[tree % TREES_CHUNK].stands;
}

/* The raw scores, (many,), of rows, (many, width): a few rows at a time stay near. */
static void trees_scores(const Trees *own, const double *rows, ptrdiff_t many, double *scores) {
    ptrdiff_t row = 0;
    while (many - row >= TREES_TOGETHER) {
        ptrdiff_t left = many - row < TREES_BLOCK ? many - row : TREES_BLOCK;
        ptrdiff_t end = row + left / TREES_TOGETHER * TREES_TOGETHER;
        for (ptrdiff_t one = row; one < end; one++) scores[one] = 0.0;
        for (int32_t tree = 0; tree < own->many; tree++)
            for (ptrdiff_t one = row; one < end; one += TREES_TOGETHER)
                trees_rows(own, trees_nth(own, tree), rows + one * own->width, scores + one);
        row = end;
    }
    for (; row < many; row++) scores[row] = trees_score(own, rows + row * own->width);
}

#endif
