/* What one customer may buy next: retain.one.items in C, the same to the last bit. */
#include "candidates.h"

/* What is remembered between the candidates and their scores. */
typedef struct {
    double lines, orders;
    npy_intp many, products[KEPT], relations[KEPT];
} Found;

#define OF_BYTES(object, many) (PyBytes_Check(object) && PyBytes_GET_SIZE(object) == (many))

static int doubles_given(PyObject *const *given, npy_intp many, double *into) {
    for (npy_intp at = 0; at < many; at++) into[at] = PyFloat_AsDouble(given[at]);
    return PyErr_Occurred() ? -1 : 0;
}

/* Whether ``object`` is an array of so many doubles, side by side. */
static int is_doubles(PyObject *object, npy_intp many) {
    PyArrayObject *array = (PyArrayObject *)object;
    return PyArray_Check(object) && PyArray_TYPE(array) == NPY_DOUBLE &&
           PyArray_IS_C_CONTIGUOUS(array) && PyArray_SIZE(array) == many;
}

static void relate(Items *own, const Known *bought, npy_intp many, const Slot *const *kept,
                   const double *prices, Found *found) {
    for (npy_intp at = 0; at < many; at++) {
        double *dearest = own->dearest + P(CATEGORY)[bought[at].place];
        double price = prices[bought[at].place], so_far = *dearest < 0.0 ? 0.0 : *dearest;
        /* a price that is not known, NaN, is not more than anything */
        *dearest = price > so_far ? price : so_far;
    }
    own->dearest[own->categories] = -1.0;
    for (npy_intp at = 0; at < found->many; at++) {
        const Slot *one = kept[at];
        double has = own->dearest[P(CATEGORY)[one->product]];
        double times = has > 0.0 ? prices[one->product] / has : 0.0;
        found->products[at] = one->product;
        int looked_at = one->viewed > 0.0 || one->cart > 0.0 || one->alike > 0.0;
        int dearer = times >= CONSTANT(DEARER_FROM) && times <= CONSTANT(DEARER_TO);
        found->relations[at] = one->position >= 0.0 ? REPEAT
                               : has >= 0.0         ? (dearer ? UPGRADE : SIMILAR)
                               : one->near > 0.0    ? COMPLEMENT
                               : looked_at          ? SIMILAR
                                                    : OTHERWISE;
    }
    for (npy_intp at = 0; at < many; at++) own->dearest[P(CATEGORY)[bought[at].place]] = -1.0;
}

PyDoc_STRVAR(find_doc,
             "find(bought_products, bought_categories, last_viewed, open_cart, today, orders, "
             "recency, basket, variety, novelty, sold_out, prices): the matrix of the candidates, "
             "and what ranked() wants; None where a list is odd.");

static PyObject *items_find(Items *own, PyObject *const *given, Py_ssize_t count) {
    Known bought[PRODUCTS], known[CATEGORIES];
    npy_intp viewed[SEEN], cart[SEEN];
    double today, whole[NUMBERS], total, lines, of_all;
    if (own->dearest == NULL || count != 12 || !OF_BYTES(given[10], own->products) ||
        !is_doubles(given[11], own->products))
        return PyErr_Format(PyExc_TypeError, "not what candidates are found by");
    if (doubles_given(given + 4, 1, &today) || doubles_given(given + 5, NUMBERS, whole))
        return NULL;
    npy_intp products = counted(given[0], own->place, PRODUCTS, today, bought, &total);
    npy_intp categories = counted(given[1], own->category_place, CATEGORIES, today, known, &of_all);
    npy_intp of_viewed = seen(given[2], own->place, viewed);
    npy_intp of_cart = seen(given[3], own->place, cart);
    if (products < 0 || categories < 0 || of_viewed < 0 || of_cart < 0) Py_RETURN_NONE;

    own->many = 0;
    put_bought(own, bought, products);
    for (npy_intp at = 0; at < of_viewed; at++)
        if (viewed[at] >= 0) slot(own, viewed[at])->viewed += 1.0 / (1.0 + (double)at);
    for (npy_intp at = 0; at < of_cart; at++)
        if (cart[at] >= 0) slot(own, cart[at])->cart += 1.0;
    put_looked_at(own, viewed, of_viewed);
    put_looked_at(own, cart, of_cart);
    for (npy_intp at = 0; at < POPULAR && at < own->products; at++) slot(own, at);
    const Slot *kept[KEPT];
    Found found = {.many = best(own, PyBytes_AS_STRING(given[10]), kept)};
    relate(own, bought, products, kept, PyArray_DATA((PyArrayObject *)given[11]), &found);

    lines = total / least_one(whole[0]);
    found.lines = apply(&log1p_, lines);
    found.orders = apply(&log1p_, whole[0]);
    npy_intp shape[] = {found.many, COLUMNS};
    PyObject *matrix = PyArray_SimpleNew(2, shape, NPY_DOUBLE);
    if (matrix == NULL) return NULL;
    fill(own, kept, found.many, known, categories, of_all, whole,
         PyArray_DATA((PyArrayObject *)matrix));
    return Py_BuildValue("(Ny#)", matrix, &found, (Py_ssize_t)sizeof(found));
}

PyDoc_STRVAR(ranked_doc,
             "ranked(found, scores, limit): at most so many candidates as (id, probability, "
             "relation), the best first.");

static PyObject *items_ranked(Items *own, PyObject *const *given, Py_ssize_t count) {
    Found found;
    if (own->dearest == NULL || count != 3 || !OF_BYTES(given[0], (Py_ssize_t)sizeof(found)))
        return PyErr_Format(PyExc_TypeError, "not what candidates are ranked by");
    memcpy(&found, PyBytes_AS_STRING(given[0]), sizeof(found));
    npy_intp limit = PyLong_AsSsize_t(given[2]), order[KEPT];
    if (limit == -1 && PyErr_Occurred()) return NULL;
    if (found.many < 0 || found.many > KEPT || !is_doubles(given[1], found.many))
        return PyErr_Format(PyExc_ValueError, "there must be a score of every candidate");
    const double *scores = PyArray_DATA((PyArrayObject *)given[1]), *weights = D(CALIBRATION);
    double told[KEPT];
    for (npy_intp at = 0; at < found.many; at++) {
        npy_intp to = at;
        for (; to > 0 && scores[at] > scores[order[to - 1]]; to--) order[to] = order[to - 1];
        order[to] = at;
        double logit = weights[3] + (scores[at] * weights[0] + found.lines * weights[1] +
                                     found.orders * weights[2]);
        logit = logit < -36.0 ? -36.0 : logit;
        told[at] = -(logit > 36.0 ? 36.0 : logit);
    }
    applied(&exp_, told, told, found.many);
    limit = limit < 0 ? 0 : limit > found.many ? found.many : limit;
    PyObject *list = PyList_New(limit);
    for (npy_intp at = 0; list != NULL && at < limit; at++) {
        npy_intp one = order[at], product = found.products[one], relation = found.relations[one];
        PyObject *tuple = Py_BuildValue("(OdO)", PyTuple_GET_ITEM(own->ids, product),
                                        1.0 / (1.0 + told[one]),
                                        PyTuple_GET_ITEM(own->relations, relation));
        if (tuple == NULL) Py_CLEAR(list); else PyList_SET_ITEM(list, at, tuple);
    }
    return list;
}

PyDoc_STRVAR(categories_doc,
             "categories(bought_categories, today, orders, limit): the likeliest categories as "
             "(name, probability); None where the list is odd.");

static PyObject *items_categories(Items *own, PyObject *const *given, Py_ssize_t count) {
    Known known[CATEGORIES];
    double today, orders, total, logs[CATEGORIES + 2], shares[CATEGORIES + 1], fresh[CATEGORIES];
    if (own->dearest == NULL || count != 4)
        return PyErr_Format(PyExc_TypeError, "not what categories are told by");
    if (doubles_given(given + 1, 1, &today) || doubles_given(given + 2, 1, &orders)) return NULL;
    npy_intp limit = PyLong_AsSsize_t(given[3]), all = own->categories, best[KEPT], chosen = 0;
    double probabilities[KEPT];
    if (limit == -1 && PyErr_Occurred()) return NULL;
    npy_intp many = counted(given[0], own->category_place, CATEGORIES, today, known, &total);
    if (many < 0) Py_RETURN_NONE;
    for (npy_intp at = 0; at < many; at++) {
        logs[at] = known[at].times;
        shares[at] = known[at].times / least_one(total) + CONSTANT(SMALL);
        fresh[at] = -known[at].age / CONSTANT(CATEGORY_DAYS);
    }
    logs[many] = total / least_one(orders);
    logs[many + 1] = orders;
    shares[many] = 0.0 + CONSTANT(SMALL);
    applied(&log1p_, logs, logs, many + 2);
    applied(&log_, shares, shares, many + 1);
    applied(&exp_, fresh, fresh, many);
    const double *weights = D(OF_CATEGORIES), *recent = D(RECENT), *lasting = D(LASTING);
    double basket = logs[many], *told = own->work;
    double of_basket = basket * weights[6], of_orders = logs[many + 1] * weights[7];
    double after = (shares[many] + basket) * weights[8];
    for (npy_intp at = 0; at < all; at++)
        told[at] = weights[9] + (0.0 + recent[at] + lasting[at] + of_basket + of_orders + after);
    for (npy_intp at = 0; at < many; at++) {
        npy_intp place = known[at].place;
        double before = logs[at] * weights[0] +
                        known[at].times / least_one(total) * weights[1] + fresh[at] * weights[2] +
                        (known[at].times > 0.0 ? 1.0 : 0.0) * weights[3];
        told[place] = weights[9] + (before + recent[place] + lasting[place] + of_basket +
                                    of_orders + (shares[at] + basket) * weights[8]);
    }
    for (npy_intp at = 0; at < all; at++) {
        double logit = told[at] < -36.0 ? -36.0 : told[at];
        told[at] = -(logit > 36.0 ? 36.0 : logit);
    }
    applied(&exp_, told, told, all);
    limit = limit < 0 ? 0 : limit > KEPT ? KEPT : limit > all ? all : limit;
    for (npy_intp at = 0; at < all; at++) {
        double probability = 1.0 / (1.0 + told[at]);
        npy_intp to = chosen;
        while (to > 0 && probability > probabilities[to - 1]) to--;
        if (to == limit) continue;
        if (chosen < limit) chosen++;
        size_t after_it = (size_t)(chosen - 1 - to);
        memmove(best + to + 1, best + to, after_it * sizeof(*best));
        memmove(probabilities + to + 1, probabilities + to, after_it * sizeof(*probabilities));
        best[to] = at;
        probabilities[to] = probability;
    }
    /* from here on Python's collector may run, and another thread be in here: the work is done */
    PyObject *list = PyList_New(chosen);
    for (npy_intp at = 0; list != NULL && at < chosen; at++) {
        PyObject *name = PyTuple_GET_ITEM(own->names, best[at]);
        PyObject *tuple = Py_BuildValue("(Od)", name, probabilities[at]);
        if (tuple == NULL) Py_CLEAR(list); else PyList_SET_ITEM(list, at, tuple);
    }
    return list;
}

static void items_free(Items *own) {
    PyObject *all[] = {own->place, own->category_place, own->ids, own->names, own->relations};
    for (size_t at = 0; at < sizeof(all) / sizeof(*all); at++) Py_XDECREF(all[at]);
    for (int at = 0; at < DOUBLES; at++) Py_XDECREF(own->doubles[at]);
    for (int at = 0; at < PLACES; at++) Py_XDECREF(own->places[at]);
    PyMem_Free(own->slot_of);
    PyMem_Free(own->slots);
    PyMem_Free(own->work);
    PyMem_Free(own->dearest);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

static int items_init(Items *own, PyObject *given, PyObject *named) {
    PyObject *doubles, *places;
    if (own->ids != NULL || named != NULL) {
        PyErr_SetString(PyExc_TypeError, "items are made once, of arguments in their order");
        return -1;
    }
    if (!PyArg_ParseTuple(given, "O!O!O!O!O!O!O!", &PyDict_Type, &own->place, &PyDict_Type,
                          &own->category_place, &PyTuple_Type, &own->ids, &PyTuple_Type,
                          &own->names, &PyTuple_Type, &own->relations, &PyTuple_Type, &doubles,
                          &PyTuple_Type, &places)) {
        own->place = own->category_place = own->ids = own->names = own->relations = NULL;
        return -1;
    }
    PyObject *all[] = {own->place, own->category_place, own->ids, own->names, own->relations};
    for (size_t at = 0; at < sizeof(all) / sizeof(*all); at++) Py_INCREF(all[at]);
    own->products = PyTuple_GET_SIZE(own->ids);
    own->categories = PyTuple_GET_SIZE(own->names);
    int whole = PyTuple_GET_SIZE(doubles) == DOUBLES && PyTuple_GET_SIZE(places) == PLACES;
    for (int at = 0; whole && at < DOUBLES; at++)
        if ((own->doubles[at] = doubles_of(PyTuple_GET_ITEM(doubles, at))) == NULL) return -1;
    for (int at = 0; whole && at < PLACES; at++) {
        PyObject *of = PyTuple_GET_ITEM(places, at);
        own->places[at] = (PyArrayObject *)PyArray_FROM_OTF(of, NPY_INTP, NPY_ARRAY_CARRAY_RO);
        if (own->places[at] == NULL) return -1;
    }
    if (!whole || !fits(own)) {
        PyErr_SetString(PyExc_ValueError, "the parts of the model do not fit together");
        return -1;
    }
    npy_intp most = PRODUCTS + 2 * SEEN + POPULAR + SEEDS * PyArray_DIM(own->places[NEAR], 1) +
                    2 * SEEDS_VIEWED * PyArray_DIM(own->places[LOOKED_AT], 1);
    own->slots = PyMem_Calloc((size_t)most, sizeof(Slot));
    own->work = PyMem_Calloc((size_t)(2 * most + own->categories), sizeof(double));
    own->slot_of = PyMem_Malloc(((size_t)own->products + 1) * sizeof(npy_intp));
    own->dearest = PyMem_Malloc(((size_t)own->categories + 1) * sizeof(double));
    if (own->slots == NULL || own->work == NULL || own->slot_of == NULL || own->dearest == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (npy_intp at = 0; at < own->products; at++) own->slot_of[at] = -1;
    for (npy_intp at = 0; at <= own->categories; at++) own->dearest[at] = -1.0;
    return 0;
}

#define METHOD(name) {#name, (PyCFunction)(void (*)(void))items_##name, METH_FASTCALL, name##_doc}
static PyMethodDef methods[] = {METHOD(find), METHOD(ranked), METHOD(categories), {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.items.Items",
    .tp_basicsize = sizeof(Items),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)items_init,
    .tp_dealloc = (destructor)items_free,
    .tp_methods = methods,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "items", .m_size = -1};

PyMODINIT_FUNC PyInit_items(void) {
    static const Named functions[] = {{"exp", &exp_}, {"log", &log_}, {"log1p", &log1p_}, {0}};
    import_array();
    return module_of(&definition, functions, &Type);
}
