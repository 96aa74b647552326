/* The texts and lists in the packed rows of one customer, each cut out when it is asked for.
 *
 * As feature_repo.packed_one.PackedOne, which says what the bytes are.
 */
#include "packed.h"

#include <stdint.h>

#define MOST_VIEWS 64 /* as many as a row has bits to say which of them were looked at */
#define END 4         /* bytes of where a variable value ends */

typedef struct {
    Py_ssize_t width, ends, many;
} View;

typedef struct {
    Py_ssize_t view, number, null;
    unsigned char bit;
} Text;

typedef struct {
    PyObject_HEAD
    Py_ssize_t views;
    View *each;
    Text *texts;
    PyObject *places, *damaged; /* of names; what makes the error that a row is not whole */
    char item_end, null_item;
} Plan;

typedef struct {
    PyObject_HEAD
    Plan *plan;
    PyObject *cells;
    uint64_t whole; /* the views whose rows were looked at */
} Row;

static PyTypeObject RowType;

static uint32_t end_at(const char *ends, Py_ssize_t number) {
    const unsigned char *bytes = (const unsigned char *)ends + number * END;
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static int is_whole(const View *view, const char *bytes, Py_ssize_t length) {
    if (length < view->width) return 0;
    uint32_t before = 0;
    for (Py_ssize_t at = 0; at < view->many; at++) {
        uint32_t end = end_at(bytes + view->ends, at);
        if (end < before) return 0;
        before = end;
    }
    return (Py_ssize_t)before == length - view->width;
}

/* Where a text is: 1 found, 0 missing, -1 with an error set. */
static int find(Row *own, PyObject *name, const char **from, Py_ssize_t *length) {
    PyObject *place = PyDict_GetItemWithError(own->plan->places, name);
    if (place == NULL) {
        if (!PyErr_Occurred()) PyErr_SetObject(PyExc_KeyError, name);
        return -1;
    }
    const Text *text = own->plan->texts + PyLong_AsSsize_t(place);
    const View *view = own->plan->each + text->view;
    PyObject *cell = PyTuple_GET_ITEM(own->cells, text->view);
    const char *bytes = PyBytes_AS_STRING(cell);
    uint64_t mark = (uint64_t)1 << text->view;
    if (PyBytes_GET_SIZE(cell) > text->null && (unsigned char)bytes[text->null] & text->bit)
        return 0;
    if (!(own->whole & mark)) {
        if (!is_whole(view, bytes, PyBytes_GET_SIZE(cell))) {
            PyObject *error = PyObject_CallNoArgs(own->plan->damaged);
            if (error != NULL) PyErr_SetObject((PyObject *)Py_TYPE(error), error);
            Py_XDECREF(error);
            return -1;
        }
        own->whole |= mark;
    }
    const char *ends = bytes + view->ends;
    Py_ssize_t start = text->number ? end_at(ends, text->number - 1) : 0;
    *from = bytes + view->width + start;
    *length = end_at(ends, text->number) - start;
    return 1;
}

static PyObject *row_raw(Row *own, PyObject *name) {
    const char *from;
    Py_ssize_t length;
    int found = find(own, name, &from, &length);
    if (found < 0) return NULL;
    if (!found) Py_RETURN_NONE;
    return PyBytes_FromStringAndSize(from, length);
}

static PyObject *row_text(Row *own, PyObject *name) {
    const char *from;
    Py_ssize_t length;
    int found = find(own, name, &from, &length);
    if (found < 0) return NULL;
    if (!found) Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(from, length, "strict");
}

static int append(PyObject *list, const Plan *plan, const char *from, Py_ssize_t length) {
    PyObject *item = length == 1 && *from == plan->null_item
                         ? Py_NewRef(Py_None)
                         : PyUnicode_DecodeUTF8(from, length, "strict");
    if (item == NULL) return -1;
    int failed = PyList_Append(list, item);
    Py_DECREF(item);
    return failed;
}

static PyObject *row_texts(Row *own, PyObject *name) {
    const char *from;
    Py_ssize_t length;
    int found = find(own, name, &from, &length);
    if (found < 0) return NULL;
    PyObject *list = PyList_New(0);
    if (list == NULL || !found || !length) return list;
    const char *last = from + length - 1;
    for (const char *end = from;; end++)
        if (end == last || *end == own->plan->item_end) {
            if (append(list, own->plan, from, end - from)) {
                Py_DECREF(list);
                return NULL;
            }
            if (end == last) return list;
            from = end + 1;
        }
}

static void row_free(Row *own) {
    Py_XDECREF(own->plan);
    Py_XDECREF(own->cells);
    PyObject_Free(own);
}

static PyMethodDef row_methods[] = {
    {"raw", (PyCFunction)row_raw, METH_O, "raw(name): a text as it is stored; None is missing."},
    {"text", (PyCFunction)row_text, METH_O, "text(name): a text; None is missing."},
    {"texts", (PyCFunction)row_texts, METH_O, "texts(name): a list; empty is missing."},
    {NULL}};

static PyTypeObject RowType = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.texts.Row",
    .tp_basicsize = sizeof(Row),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .tp_dealloc = (destructor)row_free,
    .tp_methods = row_methods,
};

PyDoc_STRVAR(of_doc, "of(cells): the texts of these rows, bytes that are as planned, one per view.");

static PyObject *plan_of(Plan *own, PyObject *cells) {
    if (own->texts == NULL || !PyTuple_Check(cells) || PyTuple_GET_SIZE(cells) != own->views)
        return PyErr_Format(PyExc_TypeError, "as many rows as there are views");
    for (Py_ssize_t at = 0; at < own->views; at++)
        if (!PyBytes_CheckExact(PyTuple_GET_ITEM(cells, at)))
            return PyErr_Format(PyExc_TypeError, "a row is of bytes");
    Row *row = PyObject_New(Row, &RowType);
    if (row == NULL) return NULL;
    row->plan = (Plan *)Py_NewRef(own);
    row->cells = Py_NewRef(cells);
    row->whole = 0;
    return (PyObject *)row;
}

static int view_of(PyObject *told, View *into) {
    if (!PyTuple_Check(told)) {
        PyErr_SetString(PyExc_TypeError, "a view is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(told, "nnn", &into->width, &into->ends, &into->many)) return -1;
    if (into->width < HEAD || into->ends < 0 || into->many < 0 ||
        into->many > (into->width - into->ends) / END) {
        PyErr_SetString(PyExc_ValueError, "a row that is none");
        return -1;
    }
    return 0;
}

static int text_of(const Plan *plan, PyObject *told, Text *into) {
    if (!PyTuple_Check(told)) {
        PyErr_SetString(PyExc_TypeError, "a text is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(told, "nnnb", &into->view, &into->number, &into->null, &into->bit))
        return -1;
    if (into->view < 0 || into->view >= plan->views || into->null < 0 ||
        into->null >= plan->each[into->view].width || into->number < 0 ||
        into->number >= plan->each[into->view].many) {
        PyErr_SetString(PyExc_ValueError, "a text that is in no row");
        return -1;
    }
    return 0;
}

/* The texts by name: their places in ``texts``. */
static int named(Plan *own, PyObject *texts) {
    PyObject *name, *told;
    Py_ssize_t next = 0, at = 0;
    own->texts = PyMem_Calloc((size_t)PyDict_GET_SIZE(texts) + 1, sizeof(Text));
    own->places = PyDict_New();
    if (own->texts == NULL || own->places == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    while (PyDict_Next(texts, &next, &name, &told)) {
        if (text_of(own, told, own->texts + at)) return -1;
        PyObject *place = PyLong_FromSsize_t(at++);
        if (place == NULL || PyDict_SetItem(own->places, name, place)) {
            Py_XDECREF(place);
            return -1;
        }
        Py_DECREF(place);
    }
    return 0;
}

static int plan_init(Plan *own, PyObject *given, PyObject *keywords) {
    PyObject *views, *texts, *damaged;
    unsigned char item_end, null_item;
    if (own->each != NULL || keywords != NULL) {
        PyErr_SetString(PyExc_TypeError, "a plan is made once, of arguments in their order");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "O!O!bbO", &PyTuple_Type, &views, &PyDict_Type, &texts, &item_end,
                          &null_item, &damaged))
        return -1;
    own->views = PyTuple_GET_SIZE(views);
    if (own->views > MOST_VIEWS) {
        PyErr_SetString(PyExc_ValueError, "more views than a row has bits for");
        return -1;
    }
    own->item_end = (char)item_end;
    own->null_item = (char)null_item;
    own->damaged = Py_NewRef(damaged);
    own->each = PyMem_Calloc((size_t)own->views + 1, sizeof(View));
    if (own->each == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t at = 0; at < own->views; at++)
        if (view_of(PyTuple_GET_ITEM(views, at), own->each + at)) return -1;
    return named(own, texts);
}

static void plan_free(Plan *own) {
    Py_XDECREF(own->places);
    Py_XDECREF(own->damaged);
    PyMem_Free(own->each);
    PyMem_Free(own->texts);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

static PyMethodDef methods[] = {{"of", (PyCFunction)plan_of, METH_O, of_doc}, {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.texts.Plan",
    .tp_basicsize = sizeof(Plan),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)plan_init,
    .tp_dealloc = (destructor)plan_free,
    .tp_methods = methods,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "texts", .m_size = -1};

PyMODINIT_FUNC PyInit_texts(void) {
    static const Named functions[] = {{0}};
    import_array();
    if (PyType_Ready(&RowType)) return NULL;
    return module_of(&definition, functions, &Type);
}
