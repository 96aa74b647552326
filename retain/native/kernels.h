/* What the kernels share: arrays as C sees them, and NumPy's own functions of numbers.
 *
 * The C library's logarithms and exponents differ from NumPy's in the last place, and answers must
 * not depend on where they were computed: the inner loops behind np.log and its like are called.
 */
#ifndef RETAIN_KERNELS_H
#define RETAIN_KERNELS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <numpy/arrayobject.h>
#include <numpy/ufuncobject.h>

#define MICROSECONDS_PER_DAY 86400000000.0

typedef struct {
    PyUFuncGenericFunction loop;
    void *data;
} Function;

/* The loop of np.<name> over doubles; 0 where there is one. */
static int function_of(PyObject *numpy, const char *name, Function *found) {
    PyObject *object = PyObject_GetAttrString(numpy, name);
    if (object == NULL) return -1;
    PyUFuncObject *ufunc = (PyUFuncObject *)object;
    for (int kind = 0; kind < ufunc->ntypes; kind++) {
        const char *types = ufunc->types + kind * ufunc->nargs;
        int doubles = 1;
        for (int at = 0; at < ufunc->nargs; at++) doubles &= types[at] == NPY_DOUBLE;
        if (doubles) {
            found->loop = ufunc->functions[kind];
            found->data = (void *)ufunc->data[kind];
            Py_DECREF(object); /* a module's attribute outlives us */
            return 0;
        }
    }
    PyErr_Format(PyExc_ImportError, "np.%s has no loop over doubles", name);
    Py_DECREF(object);
    return -1;
}

static inline void applied(const Function *of, const double *from, double *into, npy_intp many) {
    char *places[2] = {(char *)from, (char *)into};
    npy_intp strides[2] = {sizeof(double), sizeof(double)};
    of->loop(places, &many, strides, of->data);
}

static inline double apply(const Function *of, double value) {
    double result;
    applied(of, &value, &result, 1);
    return result;
}

typedef struct {
    const char *name;
    Function *into;
} Named;

/* A module with a type or none, its source's name, and the functions it calls looked up. */
static PyObject *module_of(PyModuleDef *definition, const Named *functions, PyTypeObject *type) {
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (numpy == NULL) return NULL;
    for (const Named *one = functions; one->name != NULL; one++)
        if (function_of(numpy, one->name, one->into)) {
            Py_DECREF(numpy);
            return NULL;
        }
    Py_DECREF(numpy);
    PyObject *module = PyModule_Create(definition);
    if (module == NULL) return NULL;
    if ((type != NULL && PyModule_AddType(module, type)) ||
        PyModule_AddStringConstant(module, "SOURCE", SOURCE)) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}

/* A contiguous array of doubles that the caller owns; NULL with an error set. */
static PyArrayObject *doubles_of(PyObject *from) {
    return (PyArrayObject *)PyArray_FROM_OTF(from, NPY_DOUBLE, NPY_ARRAY_CARRAY_RO);
}

static inline const double *numbers(PyArrayObject *array) {
    return (const double *)PyArray_DATA(array);
}

#endif
