/* The curve of one customer's next order: retain.one.curves in C, the same to the last bit. */
#include "kernels.h"
#include "yearly.h"

#define MOST_TOLD 64

static Function log1p_, exp_, expm1_;

typedef struct {
    PyObject_HEAD
    PyArrayObject *days, *offsets, *slopes, *calendar, *places, *shares, *targets;
    npy_intp bins, tail_from, knots, horizons, quantiles;
    Yearly worth;
    double *cumulative, *average, *work;
} Curve;

static double between(double at, const double *x, const double *y, npy_intp many) {
    npy_intp low = 0, high = many;
    while (low < high) {
        npy_intp middle = (low + high) / 2;
        if (x[middle] < at) low = middle + 1; else high = middle;
    }
    npy_intp right = low < 1 ? 1 : low > many - 1 ? many - 1 : low;
    double span = x[right] - x[right - 1];
    double share = (at - x[right - 1]) / (1e-300 > span ? 1e-300 : span);
    share = 0.0 > share ? 0.0 : share;
    share = 1.0 < share ? 1.0 : share;
    return y[right - 1] + share * (y[right] - y[right - 1]);
}

static void accumulate(Curve *own, double score) {
    const double *offsets = numbers(own->offsets), *slopes = numbers(own->slopes);
    const double *days = numbers(own->days);
    double *work = own->work, *hazards = own->cumulative;
    npy_intp bins = own->bins;
    for (npy_intp at = 0; at < bins; at++) {
        double logit = offsets[at] + slopes[at] * score;
        logit = logit < -36.0 ? -36.0 : logit;
        work[at] = -(logit > 36.0 ? 36.0 : logit);
    }
    applied(&exp_, work, work, bins);
    for (npy_intp at = 0; at < bins; at++) work[at] = -(1.0 / (1.0 + work[at]));
    applied(&log1p_, work, work, bins);
    double sum = 0.0;
    hazards[0] = 0.0;
    for (npy_intp at = 0; at < bins; at++) {
        sum = at ? sum + -work[at] : -work[at];
        hazards[at + 1] = sum;
    }
    double before = hazards[own->tail_from], since = days[own->tail_from];
    double rate = (sum - before) / (days[bins] - since);
    hazards[bins + 1] = sum + rate * (days[bins + 1] - days[bins]);
}

static PyObject *listed(const double *values, npy_intp many) {
    PyObject *list = PyList_New(many);
    for (npy_intp at = 0; list != NULL && at < many; at++) {
        PyObject *value = PyFloat_FromDouble(values[at]);
        if (value == NULL) Py_CLEAR(list); else PyList_SET_ITEM(list, at, value);
    }
    return list;
}

PyDoc_STRVAR(read_doc, "read(score, moment): as retain.one.curves.CurveReader.read.");

static PyObject *curve_read(Curve *own, PyObject *const *given, Py_ssize_t many) {
    if (many != 2 || own->work == NULL)
        return PyErr_Format(PyExc_TypeError, "a score and a moment");
    double score = PyFloat_AsDouble(given[0]);
    long long moment = PyLong_AsLongLong(given[1]);
    if (PyErr_Occurred()) return NULL;
    const double *days = numbers(own->days), *calendar = numbers(own->calendar);
    const double *shares = numbers(own->shares), *targets = numbers(own->targets);
    const npy_intp *places = PyArray_DATA(own->places);
    double *average = own->average, *work = own->work;
    npy_intp knots = own->knots, points = own->bins + 2;
    accumulate(own, score);
    average[0] = 0.0;
    yearly_at(&own->worth, moment, average + 1);
    average[knots - 1] = average[knots - 2] + (calendar[knots - 1] - calendar[knots - 2]);
    for (npy_intp at = 0; at < own->horizons; at++) {
        npy_intp right = places[at];
        double worth = average[right - 1] * (1.0 - shares[at]) + average[right] * shares[at];
        work[at] = -between(worth, days, own->cumulative, points);
    }
    applied(&expm1_, work, work, own->horizons);
    for (npy_intp at = 0; at < own->horizons; at++) work[at] = -work[at];
    double *days_until = work + own->horizons;
    for (npy_intp at = 0; at < own->quantiles; at++)
        days_until[at] = between(between(targets[at], own->cumulative, days, points), average,
                                 calendar, knots);
    /* the collector may run where lists are made, and what it ends may read another curve */
    double told[MOST_TOLD];
    memcpy(told, work, (size_t)(own->horizons + own->quantiles) * sizeof(double));
    PyObject *probabilities = listed(told, own->horizons);
    PyObject *until = listed(told + own->horizons, own->quantiles);
    if (probabilities == NULL || until == NULL) {
        Py_XDECREF(probabilities);
        Py_XDECREF(until);
        return NULL;
    }
    return Py_BuildValue("(NN)", probabilities, until);
}

static void curve_free(Curve *own) {
    PyArrayObject *all[] = {own->days, own->offsets, own->slopes, own->calendar, own->places,
                            own->shares, own->targets, own->worth.rows};
    for (size_t at = 0; at < sizeof(all) / sizeof(*all); at++) Py_XDECREF(all[at]);
    PyMem_Free(own->cumulative);
    PyMem_Free(own->average);
    PyMem_Free(own->work);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

static int fits(const Curve *own) {
    npy_intp bins = own->bins, knots = own->knots;
    if (own->horizons + own->quantiles > MOST_TOLD) return 0;
    if (bins < 1 || PyArray_SIZE(own->slopes) != bins || PyArray_SIZE(own->days) != bins + 2)
        return 0;
    if (own->tail_from < 0 || own->tail_from >= bins || knots != own->worth.width + 2) return 0;
    if (knots < 3 || PyArray_SIZE(own->shares) != own->horizons) return 0;
    const npy_intp *places = PyArray_DATA(own->places);
    for (npy_intp at = 0; at < own->horizons; at++)
        if (places[at] < 1 || places[at] >= knots) return 0;
    return 1;
}

static int curve_init(Curve *own, PyObject *given, PyObject *named) {
    PyObject *days, *offsets, *slopes, *rows, *calendar, *places, *shares, *targets;
    Py_ssize_t tail_from;
    long long since;
    if (own->days != NULL || named != NULL) {
        PyErr_SetString(PyExc_TypeError, "a curve is made once, of arguments in their order");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "OOOnLOOOOO", &days, &offsets, &slopes, &tail_from, &since, &rows,
                          &calendar, &places, &shares, &targets))
        return -1;
    own->places = (PyArrayObject *)PyArray_FROM_OTF(places, NPY_INTP, NPY_ARRAY_CARRAY_RO);
    if (own->places == NULL || (own->days = doubles_of(days)) == NULL ||
        (own->offsets = doubles_of(offsets)) == NULL ||
        (own->slopes = doubles_of(slopes)) == NULL ||
        (own->calendar = doubles_of(calendar)) == NULL ||
        (own->shares = doubles_of(shares)) == NULL ||
        (own->targets = doubles_of(targets)) == NULL || yearly_of(&own->worth, since, rows))
        return -1;
    own->tail_from = tail_from;
    own->bins = PyArray_SIZE(own->offsets);
    own->knots = PyArray_SIZE(own->calendar);
    own->horizons = PyArray_SIZE(own->places);
    own->quantiles = PyArray_SIZE(own->targets);
    if (!fits(own)) {
        PyErr_SetString(PyExc_ValueError, "the parts of the curve do not fit together");
        return -1;
    }
    size_t most = (size_t)(own->bins + own->horizons + own->quantiles);
    own->cumulative = PyMem_Calloc((size_t)own->bins + 2, sizeof(double));
    own->average = PyMem_Calloc((size_t)own->knots, sizeof(double));
    own->work = PyMem_Calloc(most, sizeof(double));
    if (own->cumulative == NULL || own->average == NULL || own->work == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

static PyMethodDef methods[] = {
    {"read", (PyCFunction)(void (*)(void))curve_read, METH_FASTCALL, read_doc}, {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.curves.Curve",
    .tp_basicsize = sizeof(Curve),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)curve_init,
    .tp_dealloc = (destructor)curve_free,
    .tp_methods = methods,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "curves", .m_size = -1};

PyMODINIT_FUNC PyInit_curves(void) {
    static const Named functions[] = {{"log1p", &log1p_}, {"exp", &exp_}, {"expm1", &expm1_}, {0}};
    import_array();
    return module_of(&definition, functions, &Type);
}
