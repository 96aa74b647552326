/* What a blend consists of: a linear model, BG/NBD and trees, each of one row. */
#ifndef RETAIN_MEMBERS_H
#define RETAIN_MEMBERS_H

#include "kernels.h"
#include "trees.h"

static Function log1p_, log_, exp_, add_, power_;

static inline double joined(const Function *of, double one, double other) {
    double result;
    char *places[3] = {(char *)&one, (char *)&other, (char *)&result};
    npy_intp many = 1, strides[3] = {sizeof(double), sizeof(double), sizeof(double)};
    of->loop(places, &many, strides, of->data);
    return result;
}

/* As np.add.reduce: what is summed in which order is NumPy's business. */
static inline double summed(const double *values, npy_intp many) {
    double result = 0.0;
    char *places[3] = {(char *)&result, (char *)values, (char *)&result};
    npy_intp strides[3] = {0, sizeof(double), 0};
    add_.loop(places, &many, strides, add_.data);
    return result;
}

/* Arrays of (models, width); the work of one row is done in ``logs`` and ``terms``, (width,). */
typedef struct {
    PyArrayObject *center, *scale, *weights, *missing, *intercepts;
    npy_intp models;
    double clip, *logs, *terms;
} Linears;

static void linears_begin(const Linears *own, const double *row, npy_intp width) {
    for (npy_intp at = 0; at < width; at++) own->logs[at] = fabs(row[at]);
    applied(&log1p_, own->logs, own->logs, width);
    for (npy_intp at = 0; at < width; at++) own->logs[at] = copysign(own->logs[at], row[at]);
}

static double linear(const Linears *own, npy_intp model, const double *row, npy_intp width) {
    npy_intp from = model * width;
    const double *center = numbers(own->center) + from, *scale = numbers(own->scale) + from;
    const double *weights = numbers(own->weights) + from, *missing = numbers(own->missing) + from;
    for (npy_intp at = 0; at < width; at++) {
        double term = (own->logs[at] - center[at]) / scale[at];
        term = term < -own->clip ? -own->clip : term;
        term = term > own->clip ? own->clip : term;
        term = isnan(term) ? 0.0 : term;
        own->terms[at] = term * weights[at] + (isnan(row[at]) ? 1.0 : 0.0) * missing[at];
    }
    return numbers(own->intercepts)[model] + summed(own->terms, width);
}

typedef struct {
    double r, alpha, log_a, b, horizon, most_certain;
    Py_ssize_t bought, last, first;
} Odds;

static inline double known(double value) { return isnan(value) ? 0.0 : value; }

static inline double larger(double one, double other) { return other > one ? other : one; }

static inline double smaller(double one, double other) { return other < one ? other : one; }

/* As retain.one.blends.odds_of. */
static double odds(const Odds *own, const double *row) {
    double since_last = known(row[own->last]), since_first = known(row[own->first]);
    double age = larger(since_last, since_first);
    double frequency = larger(known(row[own->bought]) - 1.0, 0.0);
    double recency = age - since_last, alive = 1.0;
    if (frequency > 0.0) {
        double silence = apply(&log_, (own->alpha + age) / (own->alpha + recency));
        double often = apply(&log_, own->b + larger(frequency, 1.0) - 1.0);
        double log_odds = own->log_a - often + (own->r + frequency) * silence;
        alive = 1.0 / (1.0 + apply(&exp_, smaller(log_odds, 700.0)));
    }
    double silent = joined(&power_, (own->alpha + age) / (own->alpha + age + own->horizon),
                           own->r + frequency);
    double p = smaller(larger(alive * (1.0 - silent), own->most_certain), 1.0 - own->most_certain);
    return apply(&log_, p) - apply(&log1p_, -p);
}

#endif
