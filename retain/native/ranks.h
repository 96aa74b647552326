/* The actions of a catalogue as ranks.c reads them. */
#ifndef RETAIN_RANKS_H
#define RETAIN_RANKS_H

#include "rules.h"

typedef enum { BY_RULE, BY_COLUMN, ALWAYS } Kind;

/* What may remove an action: a rule unless or where it holds, a test of a column, or everybody. */
typedef struct {
    PyObject *name;
    int kind, at, of;
} Hindrance;

/* A column whose value many customers share: what its tests say is kept by the value. */
typedef struct {
    PyObject *name, *tests, *kept;
    int is_stored;
    Py_ssize_t many;
} Column;

typedef struct {
    int rule;
    double factor;
} Weight;

typedef struct {
    double strength, discount, reward;
} Arm;

typedef struct {
    int value, conversion, uplift; /* nodes; no value: 1 */
    int is_nothing, is_taught;
    PyObject *channel;
    double margin, contact_cost, lever;
    Py_ssize_t hindered, weighed, armed;
    int *hindrances;
    Weight *weights;
    Arm *arms;
} Action;

typedef struct {
    PyObject_HEAD
    Rules rules;
    Py_ssize_t hindered, columned, many;
    Hindrance *hindrances;
    Column *columns;
    Action *actions;
    int basket, counts_uplift, counts_redemption, gives_up, is_ready;
    PyObject *measured, *preferred, *unknown, *worthless;
} Ranks;

/* Room for ``many`` of a size, at least one; NULL with an error set. */
static void *room(Py_ssize_t many, size_t size) {
    void *found = PyMem_Calloc((size_t)many + 1, size);
    if (found == NULL) PyErr_NoMemory();
    return found;
}

static int hindrance_of(const Ranks *own, PyObject *told, Hindrance *into) {
    PyObject *name;
    if (!PyArg_ParseTuple(told, "Uiii", &name, &into->kind, &into->at, &into->of)) return -1;
    into->name = Py_NewRef(name);
    if (into->kind == BY_RULE && says(&own->rules, into->at, 't', own->rules.many)) return 0;
    if (into->kind == BY_COLUMN && into->at >= 0 && into->at < own->columned && into->of >= 0 &&
        into->of < own->columns[into->at].many)
        return 0;
    return into->kind == ALWAYS ? 0 : refused("a hindrance that is none");
}

static int column_of(PyObject *told, Column *into) {
    PyObject *name, *tests;
    if (!PyArg_ParseTuple(told, "UpnO", &name, &into->is_stored, &into->many, &tests)) return -1;
    into->name = Py_NewRef(name);
    into->tests = Py_NewRef(tests);
    into->kept = PyDict_New();
    return into->kept == NULL ? -1 : 0;
}

static int all_are_tuples(PyObject *those) {
    for (Py_ssize_t at = 0; at < PyTuple_GET_SIZE(those); at++)
        if (!PyTuple_Check(PyTuple_GET_ITEM(those, at))) return 0;
    return 1;
}

static int parts_of(const Ranks *own, PyObject *hindrances, PyObject *weights, PyObject *arms,
                    Action *into) {
    Py_ssize_t hindered = PyTuple_GET_SIZE(hindrances), weighed = PyTuple_GET_SIZE(weights);
    Py_ssize_t armed = PyTuple_GET_SIZE(arms);
    if (!all_are_tuples(weights) || !all_are_tuples(arms))
        return refused("a part of an action is a tuple");
    if ((into->hindrances = room(hindered, sizeof(int))) == NULL ||
        (into->weights = room(weighed, sizeof(Weight))) == NULL ||
        (into->arms = room(armed, sizeof(Arm))) == NULL)
        return -1;
    for (; into->hindered < hindered; into->hindered++) {
        long at = PyLong_AsLong(PyTuple_GET_ITEM(hindrances, into->hindered));
        if (at == -1 && PyErr_Occurred()) return -1;
        if (at < 0 || at >= own->hindered) return refused("no hindrance");
        into->hindrances[into->hindered] = (int)at;
    }
    for (; into->weighed < weighed; into->weighed++) {
        Weight *weight = into->weights + into->weighed;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(weights, into->weighed), "id", &weight->rule,
                              &weight->factor))
            return -1;
        if (!says(&own->rules, weight->rule, 't', own->rules.many)) return refused("no condition");
    }
    for (; into->armed < armed; into->armed++) {
        Arm *arm = into->arms + into->armed;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(arms, into->armed), "ddd", &arm->strength,
                              &arm->discount, &arm->reward))
            return -1;
    }
    return armed ? 0 : refused("an action has a treatment");
}

static int action_of(const Ranks *own, PyObject *told, Action *into) {
    PyObject *channel, *hindrances, *weights, *arms;
    if (!PyArg_ParseTuple(told, "iiippUdddO!O!O!", &into->value, &into->conversion, &into->uplift,
                          &into->is_nothing, &into->is_taught, &channel, &into->margin,
                          &into->contact_cost, &into->lever, &PyTuple_Type, &hindrances,
                          &PyTuple_Type, &weights, &PyTuple_Type, &arms))
        return -1;
    into->channel = Py_NewRef(channel);
    const Rules *rules = &own->rules;
    if ((into->value != -1 && !says(rules, into->value, 'n', rules->many)) ||
        !says(rules, into->conversion, 'n', rules->many) ||
        !says(rules, into->uplift, 'n', rules->many))
        return refused("no amount");
    return parts_of(own, hindrances, weights, arms, into);
}

static int ranks_init(Ranks *own, PyObject *given, PyObject *named) {
    PyObject *program, *columns, *hindrances, *actions, *measured, *preferred, *unknown, *worthless;
    if (own->rules.names != NULL || named != NULL) {
        PyErr_SetString(PyExc_TypeError, "ranks are made once, of arguments in their order");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "OO!O!O!ipppOOUU", &program, &PyTuple_Type, &columns,
                          &PyTuple_Type, &hindrances, &PyTuple_Type, &actions, &own->basket,
                          &own->counts_uplift, &own->counts_redemption, &own->gives_up, &measured,
                          &preferred, &unknown, &worthless) ||
        rules_of(&own->rules, program))
        return -1;
    own->measured = Py_NewRef(measured);
    own->preferred = Py_NewRef(preferred);
    own->unknown = Py_NewRef(unknown);
    own->worthless = Py_NewRef(worthless);
    if (!says(&own->rules, own->basket, 'n', own->rules.many)) return refused("no amount");
    if (!all_are_tuples(columns) || !all_are_tuples(hindrances) || !all_are_tuples(actions))
        return refused("a part of the ranks is a tuple");
    Py_ssize_t columned = PyTuple_GET_SIZE(columns), hindered = PyTuple_GET_SIZE(hindrances);
    Py_ssize_t many = PyTuple_GET_SIZE(actions);
    if (many > INT_MAX || (own->columns = room(columned, sizeof(Column))) == NULL ||
        (own->hindrances = room(hindered, sizeof(Hindrance))) == NULL ||
        (own->actions = room(many, sizeof(Action))) == NULL)
        return PyErr_Occurred() ? -1 : refused("too many actions");
    int failed = 0;
    while (!failed && own->columned < columned) {
        failed = column_of(PyTuple_GET_ITEM(columns, own->columned), own->columns + own->columned);
        own->columned++;
    }
    while (!failed && own->hindered < hindered) {
        Hindrance *one = own->hindrances + own->hindered;
        failed = hindrance_of(own, PyTuple_GET_ITEM(hindrances, own->hindered++), one);
    }
    while (!failed && own->many < many) {
        Action *one = own->actions + own->many;
        failed = action_of(own, PyTuple_GET_ITEM(actions, own->many++), one);
    }
    own->is_ready = !failed;
    return failed;
}

static void ranks_free(Ranks *own) {
    for (Py_ssize_t at = 0; at < own->columned; at++) {
        Py_XDECREF(own->columns[at].name);
        Py_XDECREF(own->columns[at].tests);
        Py_XDECREF(own->columns[at].kept);
    }
    for (Py_ssize_t at = 0; at < own->hindered; at++) Py_XDECREF(own->hindrances[at].name);
    for (Py_ssize_t at = 0; at < own->many; at++) {
        Py_XDECREF(own->actions[at].channel);
        PyMem_Free(own->actions[at].hindrances);
        PyMem_Free(own->actions[at].weights);
        PyMem_Free(own->actions[at].arms);
    }
    PyMem_Free(own->columns);
    PyMem_Free(own->hindrances);
    PyMem_Free(own->actions);
    Py_XDECREF(own->measured);
    Py_XDECREF(own->preferred);
    Py_XDECREF(own->unknown);
    Py_XDECREF(own->worthless);
    rules_free(&own->rules);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

#endif
