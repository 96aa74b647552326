/* The packed rows of many customers: feature_repo.packed_many in C. */
#include "packed.h"

#define NO_TIME INT64_MIN

/* Where the parts of one view's row are, in bytes. */
typedef struct {
    char mark[MARK];
    Py_ssize_t width, ends, texts;
} View;

/* A number: of which view, where, and whether it is a whole one. */
typedef struct {
    Py_ssize_t view, start;
    int is_whole;
} Number;

typedef struct {
    PyObject_HEAD
    Py_ssize_t views, many;
    View *each;
    Number *numbers;
} Cells;

static int is_sound(const View *view, PyObject *cell) {
    return is_row(cell, view->mark, view->width);
}

/* The views' cells in a line, from ``first`` on; NULL where it has not so many. */
static PyObject **cells_of(const Cells *own, PyObject *line, Py_ssize_t first) {
    if (!PyTuple_Check(line) || first < 0 || PyTuple_GET_SIZE(line) - first != own->views) {
        PyErr_SetString(PyExc_ValueError, "a line of other views");
        return NULL;
    }
    return ((PyTupleObject *)line)->ob_item + first;
}

PyDoc_STRVAR(sound_doc, "sound(lines, first): the lines whose cells, from first on, are sound.");

static PyObject *cells_sound(Cells *own, PyObject *given) {
    PyObject *lines;
    Py_ssize_t first;
    if (!PyArg_ParseTuple(given, "O!n", &PyList_Type, &lines, &first)) return NULL;
    PyObject *sound = PyList_New(0);
    for (Py_ssize_t row = 0; sound != NULL && row < PyList_GET_SIZE(lines); row++) {
        PyObject *line = PyList_GET_ITEM(lines, row), **cells = cells_of(own, line, first);
        Py_ssize_t view = 0;
        while (cells != NULL && view < own->views && is_sound(own->each + view, cells[view])) view++;
        if (cells == NULL || (view == own->views && PyList_Append(sound, line))) Py_CLEAR(sound);
    }
    return sound;
}

static void number_of(const Number *one, PyObject **cells, double *into) {
    const char *from = PyBytes_AS_STRING(cells[one->view]) + one->start;
    if (one->is_whole)
        *into = whole_of(from, NO_TIME);
    else
        memcpy(into, from, sizeof(*into));
}

PyDoc_STRVAR(numbers_doc, "numbers(lines): the numbers, (n, d), and the event times, (n, views).");

static PyObject *cells_numbers(Cells *own, PyObject *lines) {
    if (!PyList_Check(lines)) return PyErr_Format(PyExc_TypeError, "lines are a list");
    npy_intp rows = PyList_GET_SIZE(lines);
    npy_intp shape[2] = {rows, own->many}, heads[2] = {rows, own->views};
    PyObject *numbers = PyArray_SimpleNew(2, shape, NPY_DOUBLE);
    PyObject *times = PyArray_SimpleNew(2, heads, NPY_INT64);
    if (numbers == NULL || times == NULL) goto failed;
    double *into = PyArray_DATA((PyArrayObject *)numbers);
    int64_t *moments = PyArray_DATA((PyArrayObject *)times);
    for (npy_intp row = 0; row < rows; row++) {
        PyObject **cells = cells_of(own, PyList_GET_ITEM(lines, row), 0);
        if (cells == NULL) goto failed;
        for (Py_ssize_t view = 0; view < own->views; view++) {
            if (!is_sound(own->each + view, cells[view])) {
                PyErr_SetString(PyExc_ValueError, "a row of another schema");
                goto failed;
            }
            *moments++ = time_of(cells[view]);
        }
        for (Py_ssize_t at = 0; at < own->many; at++) number_of(own->numbers + at, cells, into++);
    }
    return Py_BuildValue("NN", numbers, times);
failed:
    Py_XDECREF(numbers);
    Py_XDECREF(times);
    return NULL;
}

/* Where the text ``number`` of a row begins and ends; -1 where the row is not whole. */
static int span(const View *view, PyObject *cell, Py_ssize_t number, Py_ssize_t *from,
                Py_ssize_t *to) {
    const char *ends = PyBytes_AS_STRING(cell) + view->ends;
    uint32_t before = 0, end = 0;
    for (Py_ssize_t at = 0; at < view->texts; at++, before = end) {
        memcpy(&end, ends + 4 * at, sizeof(end));
        if (end < before) return -1;
        if (at == number) *from = view->width + before, *to = view->width + end;
    }
    return (Py_ssize_t)end == PyBytes_GET_SIZE(cell) - view->width ? 0 : -1;
}

PyDoc_STRVAR(texts_doc, "texts(lines, view, number, byte, bit, decoded): what each line has there, "
                        "None where it is missing; None where a line is damaged.");

static PyObject *cells_texts(Cells *own, PyObject *given) {
    PyObject *lines;
    Py_ssize_t number, at, byte;
    int bit, decoded;
    if (!PyArg_ParseTuple(given, "O!nnnip", &PyList_Type, &lines, &at, &number, &byte, &bit,
                          &decoded))
        return NULL;
    if (at < 0 || at >= own->views || number < 0 || number >= own->each[at].texts || byte < 0 ||
        byte >= own->each[at].width)
        return PyErr_Format(PyExc_ValueError, "no such text");
    const View *view = own->each + at;
    PyObject *texts = PyList_New(PyList_GET_SIZE(lines));
    for (Py_ssize_t row = 0; texts != NULL && row < PyList_GET_SIZE(lines); row++) {
        PyObject **cells = cells_of(own, PyList_GET_ITEM(lines, row), 0), *text;
        Py_ssize_t from, to;
        if (cells == NULL) goto failed;
        if (!is_sound(view, cells[at]) || span(view, cells[at], number, &from, &to)) {
            Py_DECREF(texts);
            Py_RETURN_NONE;
        }
        const char *bytes = PyBytes_AS_STRING(cells[at]);
        if (bytes[byte] & bit)
            text = Py_NewRef(Py_None);
        else if (decoded)
            text = PyUnicode_DecodeUTF8(bytes + from, to - from, NULL);
        else
            text = PyBytes_FromStringAndSize(bytes + from, to - from);
        if (text == NULL) goto failed;
        PyList_SET_ITEM(texts, row, text);
    }
    return texts;
failed:
    Py_DECREF(texts);
    return NULL;
}

static int view_of(PyObject *told, View *view) {
    const char *mark;
    Py_ssize_t length;
    if (!PyTuple_Check(told)) return -1;
    if (!PyArg_ParseTuple(told, "y#nnn", &mark, &length, &view->width, &view->ends, &view->texts))
        return -1;
    if (length != sizeof(view->mark) || view->width < HEAD || view->texts < 0 || view->ends < 0 ||
        view->texts > view->width / 4 || view->ends > view->width - 4 * view->texts)
        return -1;
    memcpy(view->mark, mark, sizeof(view->mark));
    return 0;
}

static int number_is(const Cells *own, PyObject *told, Number *one) {
    if (!PyTuple_Check(told)) return -1;
    if (!PyArg_ParseTuple(told, "nnp", &one->view, &one->start, &one->is_whole)) return -1;
    return one->view < 0 || one->view >= own->views || one->start < 0 ||
                   one->start > own->each[one->view].width - 8
               ? -1
               : 0;
}

static PyObject *cells_new(PyTypeObject *type, PyObject *given, PyObject *named) {
    PyObject *views, *numbers;
    (void)named;
    if (!PyArg_ParseTuple(given, "O!O!", &PyTuple_Type, &views, &PyTuple_Type, &numbers))
        return NULL;
    Cells *own = (Cells *)type->tp_alloc(type, 0);
    if (own == NULL) return NULL;
    own->views = PyTuple_GET_SIZE(views);
    own->many = PyTuple_GET_SIZE(numbers);
    own->each = PyMem_Calloc((size_t)own->views + 1, sizeof(View));
    own->numbers = PyMem_Calloc((size_t)own->many + 1, sizeof(Number));
    int failed = own->each == NULL || own->numbers == NULL;
    for (Py_ssize_t at = 0; at < own->views && !failed; at++)
        failed = view_of(PyTuple_GET_ITEM(views, at), own->each + at);
    for (Py_ssize_t at = 0; at < own->many && !failed; at++)
        failed = number_is(own, PyTuple_GET_ITEM(numbers, at), own->numbers + at);
    if (failed) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_ValueError, "not how rows are packed");
        Py_CLEAR(own);
    }
    return (PyObject *)own;
}

static void cells_free(Cells *own) {
    PyMem_Free(own->each);
    PyMem_Free(own->numbers);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

static PyMethodDef methods[] = {
    {"sound", (PyCFunction)cells_sound, METH_VARARGS, sound_doc},
    {"numbers", (PyCFunction)cells_numbers, METH_O, numbers_doc},
    {"texts", (PyCFunction)cells_texts, METH_VARARGS, texts_doc},
    {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.cells.Cells",
    .tp_basicsize = sizeof(Cells),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = cells_new,
    .tp_dealloc = (destructor)cells_free,
    .tp_methods = methods,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "cells", .m_size = -1};

PyMODINIT_FUNC PyInit_cells(void) {
    static const Named functions[] = {{0}};
    import_array();
    return module_of(&definition, functions, &Type);
}
