/* Rules and amounts of one customer: retain.rule_rows in C.
 *
 * Each is a node of one table, its parts before it: retain.rule_programs writes the table. Numbers
 * are in the read-time vector or in the row, texts and lists in the row alone, which reads what is
 * stored when it is asked for and leaves out what nobody knows.
 */
#ifndef RETAIN_RULES_H
#define RETAIN_RULES_H

#include "kernels.h"

#define MOST_NAMES 64   /* numbers in the row: as many as a word has bits to say which were read */
#define MOST_DEPTH 1000 /* of parts within parts */

typedef enum {
    NUMBER, AT, NAMED, NEGATIVE, ABSOLUTE, ADD, SUBTRACT, MULTIPLY, DIVIDE, LEAST, MOST, FIRST,
    FIXED, NOT_ZERO, UNKNOWN, NOT, ALL, ANY, LESS, LESS_EQUAL, EQUAL, UNEQUAL,
    SAME, OTHER, AMONG, NOT_AMONG, LISTED, NOT_LISTED, NO_TEXT, EMPTY, OPERATIONS
} Operation;

/* What an operation says, and what its parts are: [n]umbers, [t]ruths, [v]alues of the row or the
 * program, [p]laces of the vector, [r]ow's numbers, - nothing. */
static const struct {
    const char *name;
    char says, first, second;
} operations[OPERATIONS] = {
    {"number", 'n', '-', '-'},   {"at", 'n', 'p', '-'},         {"named", 'n', 'r', '-'},
    {"negative", 'n', 'n', '-'}, {"absolute", 'n', 'n', '-'},   {"add", 'n', 'n', 'n'},
    {"subtract", 'n', 'n', 'n'}, {"multiply", 'n', 'n', 'n'},   {"divide", 'n', 'n', 'n'},
    {"least", 'n', 'n', 'n'},    {"most", 'n', 'n', 'n'},       {"first", 'n', 'n', 'n'},
    {"fixed", 't', '-', '-'},    {"not_zero", 't', 'n', '-'},   {"unknown", 't', 'n', '-'},
    {"not", 't', 't', '-'},      {"all", 't', 't', 't'},        {"any", 't', 't', 't'},
    {"less", 't', 'n', 'n'},     {"less_equal", 't', 'n', 'n'}, {"equal", 't', 'n', 'n'},
    {"unequal", 't', 'n', 'n'},  {"same", 't', 'v', 'v'},       {"other", 't', 'v', 'v'},
    {"among", 't', 'v', 'v'},    {"not_among", 't', 'v', 'v'},  {"listed", 't', 'v', 'v'},
    {"not_listed", 't', 'v', 'v'}, {"no_text", 't', 'v', '-'},  {"empty", 't', 'v', '-'},
};

typedef struct {
    Operation does;
    int first, second;
    double number;
} Node;

/* A text or list: of the row by its name, asked for where it is stored; or fixed. */
typedef struct {
    PyObject *of;
    int is_name, is_stored;
} Value;

typedef struct {
    Node *nodes;
    Value *values;
    PyObject *names; /* a tuple: the numbers of the row */
    Py_ssize_t width, many, valued;
} Rules;

/* One customer while they are asked about; the row and its vector are held. */
typedef struct {
    PyObject *row;
    PyArrayObject *held;
    const double *vector;
    uint64_t read; /* which of the row's numbers were */
    double named[MOST_NAMES];
    int failed; /* an error is set: nothing that is said counts */
} Known;

static double named_at(const Rules *own, Known *of, int at) {
    uint64_t mark = (uint64_t)1 << at;
    if (of->read & mark) return of->named[at];
    if (of->failed) return 0.0;
    PyObject *found = PyDict_GetItemWithError(of->row, PyTuple_GET_ITEM(own->names, at));
    double value = NAN;
    if (found != NULL) {
        Py_INCREF(found);
        value = PyFloat_AsDouble(found);
        Py_DECREF(found);
    }
    of->failed = PyErr_Occurred() != NULL;
    of->read |= mark;
    return of->named[at] = value;
}

static double number_at(const Rules *own, Known *of, int at) {
    const Node *node = own->nodes + at;
    if (node->does == NUMBER) return node->number;
    if (node->does == AT) return of->vector[node->first];
    if (node->does == NAMED) return named_at(own, of, node->first);
    double x = number_at(own, of, node->first), y;
    switch (node->does) {
        case NEGATIVE: return -x;
        case ABSOLUTE: return fabs(x);
        case FIRST: return x == x ? x : number_at(own, of, node->second);
        default: y = number_at(own, of, node->second);
    }
    switch (node->does) {
        case ADD: return x + y;
        case SUBTRACT: return x - y;
        case MULTIPLY: return x * y;
        case DIVIDE: return y == 0.0 ? NAN : x / y;
        case LEAST: return x <= y || x != x ? x : y;
        default: return x >= y || x != x ? x : y;
    }
}

/* A value, which the caller owns; NULL: it failed. */
static PyObject *value_at(const Rules *own, Known *of, int at) {
    const Value *value = own->values + at;
    if (of->failed) return NULL;
    if (!value->is_name) return Py_NewRef(value->of);
    PyObject *found = PyDict_GetItemWithError(of->row, value->of);
    if (found != NULL) return Py_NewRef(found);
    if (!PyErr_Occurred())
        found = value->is_stored ? PyObject_GetItem(of->row, value->of) : Py_NewRef(Py_None);
    of->failed = found == NULL;
    return found;
}

/* What is asked of two values, of which a missing first one is never that. */
static int compared(Operation does, PyObject *x, PyObject *y) {
    switch (does) {
        case SAME:
        case OTHER: {
            if (x == Py_None || y == Py_None) return 0;
            int same = PyObject_RichCompareBool(x, y, Py_EQ);
            return same < 0 ? same : same == (does == SAME);
        }
        case AMONG: return PySequence_Contains(y, x);
        case NOT_AMONG: {
            int among = x == Py_None ? 1 : PySequence_Contains(y, x);
            return among < 0 ? among : !among;
        }
        default: {
            int listed = x == Py_None || y == Py_None ? 0 : PySequence_Contains(y, x);
            return listed < 0 ? listed : x != Py_None && listed == (does == LISTED);
        }
    }
}

static int asked_of_values(const Rules *own, Known *of, const Node *node) {
    PyObject *x = value_at(own, of, node->first), *y = NULL;
    int holds = -1;
    if (x != NULL) {
        if (node->does == NO_TEXT) holds = x == Py_None;
        else if (node->does == EMPTY) holds = PyObject_Not(x);
        else if ((y = value_at(own, of, node->second)) != NULL) holds = compared(node->does, x, y);
    }
    Py_XDECREF(x);
    Py_XDECREF(y);
    of->failed |= holds < 0;
    return holds > 0;
}

static int truth_at(const Rules *own, Known *of, int at) {
    for (;;) {
        const Node *node = own->nodes + at;
        if (node->does >= SAME) return asked_of_values(own, of, node);
        if (node->does == FIXED) return node->number != 0.0;
        if (node->does == NOT) return !truth_at(own, of, node->first);
        if (node->does == ALL || node->does == ANY) {
            if (truth_at(own, of, node->first) == (node->does == ANY)) return node->does == ANY;
            at = node->second;
            continue;
        }
        double x = number_at(own, of, node->first);
        if (node->does == NOT_ZERO) return x != 0.0 && x == x;
        if (node->does == UNKNOWN) return x != x;
        double y = number_at(own, of, node->second);
        switch (node->does) {
            case LESS: return x < y;
            case LESS_EQUAL: return x <= y;
            case EQUAL: return x == y;
            default: return x == x && y == y && x != y;
        }
    }
}

/* Whether the row is one that is known so; else an error is set. */
static int known_of(const Rules *own, PyObject *row, Known *of) {
    of->read = 0;
    of->failed = 0;
    of->row = NULL;
    if (!PyDict_Check(row)) {
        PyErr_SetString(PyExc_TypeError, "what is known of a customer is a dict with a vector");
        return 0;
    }
    static PyObject *name; /* looked up by every question */
    if (name == NULL) name = PyUnicode_InternFromString("vector");
    PyObject *vector = name == NULL ? NULL : PyObject_GetAttr(row, name);
    if (vector == NULL) return 0;
    of->held = (PyArrayObject *)vector;
    if (!PyArray_Check(vector) || PyArray_NDIM(of->held) != 1 ||
        PyArray_TYPE(of->held) != NPY_DOUBLE || !PyArray_ISCARRAY_RO(of->held) ||
        PyArray_SIZE(of->held) != own->width) {
        PyErr_SetString(PyExc_ValueError, "not the read-time numbers");
        Py_DECREF(vector);
        return 0;
    }
    of->vector = numbers(of->held);
    of->row = Py_NewRef(row);
    return 1;
}

static void known_free(Known *of) {
    Py_DECREF(of->row);
    Py_DECREF(of->held);
}

static int refused(const char *why) {
    PyErr_SetString(PyExc_ValueError, why);
    return -1;
}

/* Whether ``at`` is a node that says a number or a truth, of the first ``many``. */
static int says(const Rules *own, long at, char what, Py_ssize_t many) {
    return at >= 0 && at < many && operations[own->nodes[at].does].says == what;
}

static int is_part(const Rules *own, char what, int at, Py_ssize_t before) {
    switch (what) {
        case '-': return 1;
        case 'p': return at >= 0 && at < own->width;
        case 'r': return at >= 0 && at < PyTuple_GET_SIZE(own->names);
        case 'v': return at >= 0 && at < own->valued;
        default: return says(own, at, what, before);
    }
}

static int node_of(Rules *own, PyObject *told, Py_ssize_t at, short *depths) {
    Node *node = own->nodes + at;
    const char *name;
    int does = 0;
    if (!PyTuple_Check(told) ||
        !PyArg_ParseTuple(told, "siid", &name, &node->first, &node->second, &node->number))
        return PyErr_Occurred() ? -1 : refused("a node is a tuple");
    while (does < OPERATIONS && strcmp(operations[does].name, name)) does++;
    if (does == OPERATIONS) return refused("no operation");
    node->does = (Operation)does;
    char first = operations[does].first, second = operations[does].second;
    if (!is_part(own, first, node->first, at) || !is_part(own, second, node->second, at))
        return refused("a part of a rule that is none");
    short deepest = 0;
    if (first == 'n' || first == 't') deepest = depths[node->first];
    if ((second == 'n' || second == 't') && depths[node->second] > deepest)
        deepest = depths[node->second];
    /* what all and any are of at the end is no deeper than they are */
    int tail = (does == ALL || does == ANY) && depths[node->second] > depths[node->first];
    depths[at] = (short)(deepest + !tail);
    return depths[at] > MOST_DEPTH ? refused("a rule that is too deep") : 0;
}

static int value_of(PyObject *told, Value *into) {
    PyObject *of;
    if (!PyTuple_Check(told) || !PyArg_ParseTuple(told, "Opp", &of, &into->is_name, &into->is_stored))
        return PyErr_Occurred() ? -1 : refused("a value is a tuple");
    into->of = Py_NewRef(of);
    return 0;
}

/* The table of a program of retain.rule_programs; 0 unless an error is set. */
static int rules_of(Rules *own, PyObject *program) {
    PyObject *nodes, *values, *names;
    if (!PyTuple_Check(program) ||
        !PyArg_ParseTuple(program, "nO!O!O!", &own->width, &PyTuple_Type, &nodes, &PyTuple_Type,
                          &values, &PyTuple_Type, &names))
        return PyErr_Occurred() ? -1 : refused("a program is a tuple");
    own->names = Py_NewRef(names);
    if (PyTuple_GET_SIZE(names) > MOST_NAMES || own->width < 0) return refused("too many numbers");
    Py_ssize_t many = PyTuple_GET_SIZE(nodes), valued = PyTuple_GET_SIZE(values);
    if (many > INT_MAX || valued > INT_MAX) return refused("too many rules");
    own->nodes = PyMem_Calloc((size_t)many + 1, sizeof(Node));
    own->values = PyMem_Calloc((size_t)valued + 1, sizeof(Value));
    short *depths = PyMem_Calloc((size_t)many + 1, sizeof(short));
    int failed = 0;
    if (own->nodes == NULL || own->values == NULL || depths == NULL) {
        PyErr_NoMemory();
        failed = -1;
    }
    for (; !failed && own->valued < valued; own->valued++)
        failed = value_of(PyTuple_GET_ITEM(values, own->valued), own->values + own->valued);
    for (; !failed && own->many < many; own->many++)
        failed = node_of(own, PyTuple_GET_ITEM(nodes, own->many), own->many, depths);
    PyMem_Free(depths);
    return failed;
}

static void rules_free(Rules *own) {
    for (Py_ssize_t at = 0; at < own->valued; at++) Py_XDECREF(own->values[at].of);
    Py_XDECREF(own->names);
    PyMem_Free(own->nodes);
    PyMem_Free(own->values);
}

#endif
