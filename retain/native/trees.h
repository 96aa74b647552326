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
#include <stdlib.h>

#define TREES_CAPSULE "retain.trees"

/* LightGBM's kZeroThreshold: what is nearer to zero is zero to it. */
#define TREES_ZERO ((double)1e-35f)

enum { TREES_CATEGORY = 0x8000, TREES_UNUSUAL = 0x4000, TREES_FEATURE = 0x3fff };
enum { TREES_RIGHT, TREES_LEFT, TREES_MISSING };
enum { TREES_TOGETHER = 8, TREES_CHUNK = 128, TREES_BLOCK = 16, TREES_MASK = 64 };

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

/* A split as what it asks of all rows, and which leaves are left to those that go to the right. */
typedef struct {
    union {
        double threshold;
        uint64_t categories;
    };
    uint64_t kept;
    uint16_t feature, is_category, misses_left; /* whether what is missing goes to the left */
} TreesTest;

typedef struct {
    const TreesNode *root;
    const TreesTest *tests; /* none has a tree of more than TREES_MASK leaves or unusual splits */
    const double *leaves; /* from the left to the right */
    int32_t splits;
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

typedef double TreesValues __attribute__((vector_size(16)));
typedef int64_t TreesMasks __attribute__((vector_size(16)));
enum { TREES_LANES = 2, TREES_VECTORS = TREES_BLOCK / TREES_LANES };

static inline void trees_category(const TreesTest *test, const double *values, int64_t *left) {
    for (int row = 0; row < TREES_BLOCK; row++) {
        int known = values[row] > -1.0 && values[row] < 64.0;
        left[row] = known ? -(int64_t)(test->categories >> (unsigned)values[row] & 1) : 0;
    }
}

/* Of TREES_BLOCK rows, as columns, through a tree: every split takes leaves away from rows, and of
 * those that are left a row's own is the first (QuickScorer; Lucchese et al., SIGIR 2015). */
static inline void trees_columns(const Tree *tree, const TreesValues *columns, double *scores) {
    union {
        TreesMasks vectors[TREES_VECTORS];
        uint64_t rows[TREES_BLOCK];
    } leaves;
    TreesMasks left[TREES_VECTORS], found[TREES_VECTORS];
    for (int at = 0; at < TREES_VECTORS; at++) left[at] = (TreesMasks){-1, -1};
    for (int32_t one = 0; one < tree->splits; one++) {
        const TreesTest *test = tree->tests + one;
        const TreesValues *values = columns + (ptrdiff_t)test->feature * TREES_VECTORS;
        TreesMasks kept = {(int64_t)test->kept, (int64_t)test->kept};
        TreesValues threshold = {test->threshold, test->threshold};
        if (test->is_category) {
            trees_category(test, (const double *)values, (int64_t *)found);
            for (int at = 0; at < TREES_VECTORS; at++) left[at] &= found[at] | kept;
        } else if (test->misses_left) {
            for (int at = 0; at < TREES_VECTORS; at++)
                left[at] &= ~(values[at] > threshold) | kept;
        } else {
            for (int at = 0; at < TREES_VECTORS; at++)
                left[at] &= (values[at] <= threshold) | kept;
        }
    }
    for (int at = 0; at < TREES_VECTORS; at++) leaves.vectors[at] = left[at];
    for (int row = 0; row < TREES_BLOCK; row++)
        scores[row] += tree->leaves[__builtin_ctzll(leaves.rows[row])];
}

/* The raw scores, (many,), of rows, (many, width): a few rows at a time stay near. */
static void trees_scores(const Trees *own, const double *rows, ptrdiff_t many, double *scores) {
    ptrdiff_t row = 0, width = own->width;
    size_t room = (size_t)(width + 1) * TREES_BLOCK * sizeof(double);
    double *columns = many < TREES_BLOCK ? NULL : aligned_alloc(sizeof(TreesValues), room);
    for (; columns != NULL && row + TREES_BLOCK <= many; row += TREES_BLOCK) {
        const double *block = rows + row * width;
        for (int one = 0; one < TREES_BLOCK; one++) {
            scores[row + one] = 0.0;
            for (ptrdiff_t at = 0; at < width; at++)
                columns[at * TREES_BLOCK + one] = block[one * width + at];
        }
        for (int32_t nth = 0; nth < own->many; nth++) {
            const Tree *tree = trees_nth(own, nth);
            if (tree->tests != NULL) {
                trees_columns(tree, (const TreesValues *)columns, scores + row);
                continue;
            }
            for (int one = 0; one < TREES_BLOCK; one += TREES_TOGETHER)
                trees_rows(own, tree, block + one * width, scores + row + one);
        }
    }
    free(columns);
    for (; row < many; row++) scores[row] = trees_score(own, rows + row * width);
}

#endif
