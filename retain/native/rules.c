/* Which rules hold for one customer: the first of some, all of others. */
#include "rules.h"

typedef struct {
    Py_ssize_t many, bits;
    int *rules, all;
} Group;

typedef struct {
    PyObject_HEAD
    Rules rules;
    Py_ssize_t many;
    Group *groups;
} Holding;

/* The place of the first rule that holds, -1: none; or those of all that do, as bits. */
static PyObject *answered(const Holding *own, Known *of, const Group *group) {
    unsigned long long bits = 0;
    Py_ssize_t first = -1;
    for (Py_ssize_t at = 0; at < group->many && !of->failed; at++)
        if (truth_at(&own->rules, of, group->rules[at])) {
            bits |= 1ULL << (group->all ? at : 0);
            first = at;
            if (!group->all) break;
        }
    if (of->failed) return NULL;
    return group->all ? PyLong_FromUnsignedLongLong(bits) : PyLong_FromSsize_t(first);
}

PyDoc_STRVAR(of_doc, "of(row): per group the place of the first rule that holds, -1 where none "
                     "does; or of all that hold as the bits of a number.");

static PyObject *holding_of(Holding *own, PyObject *row) {
    Known known;
    if (own->groups == NULL || !known_of(&own->rules, row, &known))
        return PyErr_Occurred() ? NULL : PyErr_Format(PyExc_TypeError, "there are no rules");
    PyObject *found = PyTuple_New(own->many);
    for (Py_ssize_t at = 0; found != NULL && at < own->many; at++) {
        PyObject *answer = answered(own, &known, own->groups + at);
        if (answer != NULL) PyTuple_SET_ITEM(found, at, answer);
        else Py_CLEAR(found);
    }
    known_free(&known);
    return found;
}

static int group_of(const Holding *own, PyObject *told, Group *into) {
    PyObject *rules;
    if (!PyTuple_Check(told) ||
        !PyArg_ParseTuple(told, "pO!", &into->all, &PyTuple_Type, &rules))
        return PyErr_Occurred() ? -1 : refused("a group is a tuple");
    Py_ssize_t many = PyTuple_GET_SIZE(rules);
    if (into->all && many > 64) return refused("more rules than a number has bits");
    into->rules = PyMem_Calloc((size_t)many + 1, sizeof(int));
    if (into->rules == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (; into->many < many; into->many++) {
        long at = PyLong_AsLong(PyTuple_GET_ITEM(rules, into->many));
        if (at == -1 && PyErr_Occurred()) return -1;
        if (!says(&own->rules, at, 't', own->rules.many)) return refused("no condition");
        into->rules[into->many] = (int)at;
    }
    return 0;
}

static int holding_init(Holding *own, PyObject *given, PyObject *named) {
    PyObject *program, *groups;
    if (own->rules.names != NULL || named != NULL) {
        PyErr_SetString(PyExc_TypeError, "rules are made once, of arguments in their order");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "OO!", &program, &PyTuple_Type, &groups) ||
        rules_of(&own->rules, program))
        return -1;
    Py_ssize_t many = PyTuple_GET_SIZE(groups);
    own->groups = PyMem_Calloc((size_t)many + 1, sizeof(Group));
    if (own->groups == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (; own->many < many; own->many++)
        if (group_of(own, PyTuple_GET_ITEM(groups, own->many), own->groups + own->many)) {
            own->many++; /* what there is of it is freed with the others */
            return -1;
        }
    return 0;
}

static void holding_free(Holding *own) {
    for (Py_ssize_t at = 0; at < own->many; at++) PyMem_Free(own->groups[at].rules);
    PyMem_Free(own->groups);
    rules_free(&own->rules);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

static PyMethodDef methods[] = {{"of", (PyCFunction)holding_of, METH_O, of_doc}, {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.rules.Holding",
    .tp_basicsize = sizeof(Holding),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)holding_init,
    .tp_dealloc = (destructor)holding_free,
    .tp_methods = methods,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "rules", .m_size = -1};

PyMODINIT_FUNC PyInit_rules(void) {
    static const Named functions[] = {{0}};
    import_array();
    return module_of(&definition, functions, &Type);
}
