/* What a customer's scores are worth: retain.one.ltv in C, the same to the last bit. */
#include "kernels.h"
#include "yearly.h"

static Function exp_, log_;

typedef struct {
    PyObject_HEAD
    double level, slope, offset;
    int hurdle;
    Yearly season;
    PyArrayObject *log_values, *low_ratios, *high_ratios;
    npy_intp many;
    double *of_season;
} Worth;

/* As np.interp of one number. */
static double interpolated(double at, const double *x, const double *y, npy_intp many) {
    if (isnan(at)) return at;
    if (many == 1) return y[0];
    if (at > x[many - 1]) return y[many - 1];
    if (at < x[0]) return y[0];
    npy_intp low = 0, high = many;
    while (low < high) {
        npy_intp middle = low + (high - low) / 2;
        if (at >= x[middle]) low = middle + 1; else high = middle;
    }
    npy_intp left = low - 1;
    if (left == many - 1 || x[left] == at) return y[left];
    double slope = (y[left + 1] - y[left]) / (x[left + 1] - x[left]);
    double result = slope * (at - x[left]) + y[left];
    if (isnan(result)) {
        result = slope * (at - x[left + 1]) + y[left + 1];
        if (isnan(result) && y[left] == y[left + 1]) result = y[left];
    }
    return result;
}

PyDoc_STRVAR(of_doc, "of(amount, buys, moment): the value, and its interval's ends.");

static PyObject *worth_of(Worth *own, PyObject *const *given, Py_ssize_t many) {
    if (many != 3 || own->of_season == NULL)
        return PyErr_Format(PyExc_TypeError, "two scores and a moment");
    double amount = PyFloat_AsDouble(given[0]), buys = PyFloat_AsDouble(given[1]);
    long long moment = PyLong_AsLongLong(given[2]);
    if (PyErr_Occurred()) return NULL;
    double value = own->level * apply(&exp_, amount);
    if (own->hurdle) {
        double logit = own->slope * buys + own->offset;
        logit = logit < -36.0 ? -36.0 : logit;
        logit = logit > 36.0 ? 36.0 : logit;
        value *= 1.0 / (1.0 + apply(&exp_, -logit));
    }
    yearly_at(&own->season, moment, own->of_season);
    value *= own->of_season[0];
    double place = apply(&log_, 1e-9 > value ? 1e-9 : value);
    const double *x = numbers(own->log_values);
    double low = value * interpolated(place, x, numbers(own->low_ratios), own->many);
    double high = value * interpolated(place, x, numbers(own->high_ratios), own->many);
    return Py_BuildValue("(ddd)", value, value < low ? value : low, value > high ? value : high);
}

static int worth_init(Worth *own, PyObject *given, PyObject *named) {
    PyObject *rows, *log_values, *low_ratios, *high_ratios;
    long long since;
    if (own->log_values != NULL || named != NULL) {
        PyErr_SetString(PyExc_TypeError, "a worth is made once, of arguments in their order");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "dpddLOOOO", &own->level, &own->hurdle, &own->slope, &own->offset,
                          &since, &rows, &log_values, &low_ratios, &high_ratios) ||
        yearly_of(&own->season, since, rows) ||
        (own->log_values = doubles_of(log_values)) == NULL ||
        (own->low_ratios = doubles_of(low_ratios)) == NULL ||
        (own->high_ratios = doubles_of(high_ratios)) == NULL)
        return -1;
    own->many = PyArray_SIZE(own->log_values);
    if (own->many < 1 || PyArray_SIZE(own->low_ratios) != own->many ||
        PyArray_SIZE(own->high_ratios) != own->many || own->season.width < 1) {
        PyErr_SetString(PyExc_ValueError, "the parts of the worth do not fit together");
        return -1;
    }
    own->of_season = PyMem_Calloc((size_t)own->season.width, sizeof(double));
    if (own->of_season == NULL) PyErr_NoMemory();
    return own->of_season == NULL ? -1 : 0;
}

static void worth_free(Worth *own) {
    Py_XDECREF(own->season.rows);
    Py_XDECREF(own->log_values);
    Py_XDECREF(own->low_ratios);
    Py_XDECREF(own->high_ratios);
    PyMem_Free(own->of_season);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

static PyMethodDef methods[] = {
    {"of", (PyCFunction)(void (*)(void))worth_of, METH_FASTCALL, of_doc}, {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.worth.Worth",
    .tp_basicsize = sizeof(Worth),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)worth_init,
    .tp_dealloc = (destructor)worth_free,
    .tp_methods = methods,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "worth", .m_size = -1};

PyMODINIT_FUNC PyInit_worth(void) {
    static const Named functions[] = {{"exp", &exp_}, {"log", &log_}, {0}};
    import_array();
    return module_of(&definition, functions, &Type);
}
