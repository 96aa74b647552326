/* A LightGBM model's raw scores: retain.predictors.flat_trees in C. */
#include "kernels.h"
#include "trees.h"

/* So few rows are not worth giving up the interpreter's lock for. */
#define FEW 64
/* A step from a split to any other node of its tree fits into 16 bits. */
#define MOST_LEAVES 32768

enum { CATEGORICAL = 1, DEFAULT_LEFT = 2 };
enum { NONE_MISSING, ZERO_MISSING, NAN_MISSING };

typedef struct {
    PyObject_HEAD
    Trees trees;
    Tree *each;
    TreesNode *nodes;
    TreesTest *tests;
    double *leaves;
    uint32_t *bits;
} Model;

/* The model as LightGBM's text has it, tree after tree. */
typedef struct {
    PyArrayObject *leaves;                        /* (trees,) */
    PyArrayObject *features, *kinds, *left, *right; /* (splits,) */
    PyArrayObject *thresholds;                    /* (splits,); of a category its number */
    PyArrayObject *values;                        /* (leaves,) */
    PyArrayObject *bounds, *bits;                 /* (categories + 1,) among (words,) */
} Text;

/* Of a tree's splits and leaves that wait for being laid down. */
typedef struct {
    int32_t child, depth, test; /* which of the tests is that of ``above`` */
    int64_t above; /* the split whose right step leads here; -1 for a left one */
} Waiting;

static inline const int32_t *whole(PyArrayObject *array) { return PyArray_DATA(array); }

static int damaged(const char *what) {
    PyErr_Format(PyExc_ValueError, "damaged trees: %s", what);
    return -1;
}

/* Every split's categories as ``bits`` has them. */
static int categories_of(Model *own, const Text *from) {
    npy_intp many = PyArray_SIZE(from->bounds) - 1, words = PyArray_SIZE(from->bits);
    const int32_t *bounds = whole(from->bounds);
    if (many < 0 || bounds[0] != 0 || bounds[many] != words) return damaged("lost categories");
    for (npy_intp one = 0; one < many; one++)
        if (bounds[one + 1] < bounds[one]) return damaged("categories out of bounds");
    own->bits = PyMem_Calloc((size_t)(many + words) + 1, sizeof(uint32_t));
    if (own->bits == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    const uint32_t *bits = PyArray_DATA(from->bits);
    for (npy_intp one = 0; one < many; one++) {
        uint32_t *into = own->bits + bounds[one] + one;
        *into = (uint32_t)(bounds[one + 1] - bounds[one]);
        memcpy(into + 1, bits + bounds[one], *into * sizeof(uint32_t));
    }
    return 0;
}

static int split_of(Model *own, const Text *from, npy_intp split, TreesNode *node) {
    int32_t feature = whole(from->features)[split], kind = whole(from->kinds)[split];
    double threshold = numbers(from->thresholds)[split];
    int missing = kind >> 2;
    if (feature < 0 || feature >= own->trees.width) return damaged("a split by no feature");
    if (kind < 0 || missing > NAN_MISSING) return damaged("a split of no kind");
    node->feature = (uint16_t)feature;
    node->steps[TREES_LEFT] = 1;
    if (kind & CATEGORICAL) {
        double many = (double)(PyArray_SIZE(from->bounds) - 1);
        if (!(threshold >= 0.0 && threshold < many)) return damaged("no such categories");
        npy_intp number = (npy_intp)threshold;
        uint32_t *bits = own->bits + whole(from->bounds)[number] + number, words = *bits++;
        node->feature |= TREES_CATEGORY;
        if (words <= 2) {
            node->categories = words ? bits[0] : 0;
            if (words == 2) node->categories |= (uint64_t)bits[1] << 32;
        } else {
            node->feature |= TREES_UNUSUAL;
            node->categories = (uint64_t)(bits - 1 - own->bits);
        }
        return 0;
    }
    int left = kind & DEFAULT_LEFT;
    if (missing == NONE_MISSING) left = 0.0 <= threshold;
    if (missing == ZERO_MISSING) node->feature |= TREES_UNUSUAL;
    /* the step to the right is known when that side is laid down */
    node->steps[TREES_MISSING] = left ? 1 : 0;
    /* what is nearly zero goes where zero goes */
    if (fabs(threshold) <= TREES_ZERO)
        threshold = threshold >= 0.0 ? TREES_ZERO : nextafter(-TREES_ZERO, -INFINITY);
    node->threshold = threshold;
    return 0;
}

/* A split's test; ``kept`` says for now how many leaves are to the left of what is below it. */
static void test_of(const TreesNode *node, int32_t ends, TreesTest *test) {
    test->categories = node->categories;
    test->feature = node->feature & TREES_FEATURE;
    test->is_category = (node->feature & TREES_CATEGORY) != 0;
    test->misses_left = node->steps[TREES_MISSING] != 0;
    test->kept = (uint64_t)ends;
}

/* All leaves but those to the left of the split, of which ``ends`` is the first that is not. */
static void kept_of(TreesTest *test, int32_t ends) {
    uint64_t from = test->kept, many = (uint64_t)ends - from;
    test->kept = ~((((uint64_t)1 << (many & (TREES_MASK - 1))) - 1) << from);
}

/* One tree, its splits before what is below them and the left side before the right one. */
static int tree_of(Model *own, const Text *from, int32_t leaves, npy_intp splits, npy_intp values,
                   Waiting *waiting, TreesNode *root, Tree *tree) {
    int64_t laid = 0, all = 2 * (int64_t)leaves - 1, most = 0;
    int32_t ends = 0, unusual = leaves > TREES_MASK;
    TreesTest *tests = own->tests + splits;
    waiting[most++] = (Waiting){leaves > 1 ? 0 : -1, 0, 0, -1};
    tree->root = root;
    for (; most > 0; laid++) {
        if (laid == all) return damaged("a walk that does not end");
        Waiting next = waiting[--most];
        TreesNode *node = root + laid;
        if (next.above >= 0) {
            TreesNode *above = root + next.above;
            above->steps[TREES_RIGHT] = (uint16_t)(laid - next.above);
            if (!above->steps[TREES_MISSING])
                above->steps[TREES_MISSING] = above->steps[TREES_RIGHT];
            if (!unusual) kept_of(tests + next.test, ends);
        }
        if (next.depth > tree->depth) tree->depth = (uint16_t)next.depth;
        if (next.child < 0) {
            int64_t leaf = ~(int64_t)next.child;
            if (leaf >= leaves || ends == leaves) return damaged("a leaf that is not there");
            node->threshold = numbers(from->values)[values + leaf];
            own->leaves[values + ends++] = node->threshold;
            continue;
        }
        if (next.child >= leaves - 1 || tree->splits == leaves - 1)
            return damaged("a split that is not there");
        npy_intp split = splits + next.child;
        if (split_of(own, from, split, node)) return -1;
        tree->special |= (node->feature & ~TREES_FEATURE) != 0;
        unusual |= (node->feature & TREES_UNUSUAL) ||
                   (!(node->feature & TREES_CATEGORY) && isnan(node->threshold));
        test_of(node, ends, tests + tree->splits);
        int32_t below = next.depth + 1;
        waiting[most++] = (Waiting){whole(from->right)[split], below, tree->splits++, laid};
        waiting[most++] = (Waiting){whole(from->left)[split], below, 0, -1};
    }
    tree->leaves = own->leaves + values;
    if (!unusual) tree->tests = tests;
    return laid == all ? 0 : damaged("a leaf that no walk ends at");
}

/* Side by side those that are walked alike, so that few wait for the deepest. */
static void ordered(Tree *chunk, int32_t many) {
    for (int32_t tree = 0; tree < many; tree++) chunk[tree].place = (uint16_t)tree;
    for (int32_t tree = 1; tree < many; tree++) {
        Tree own = chunk[tree];
        int32_t at = tree;
        for (; at > 0; at--) {
            const Tree *other = chunk + at - 1;
            if (other->special < own.special ||
                (other->special == own.special && other->depth <= own.depth))
                break;
            chunk[at] = *other;
        }
        chunk[at] = own;
    }
    for (int32_t tree = 0; tree < many; tree++) chunk[chunk[tree].place].stands = (uint16_t)tree;
}

static int trees_of(Model *own, const Text *from) {
    npy_intp splits = 0, values = 0;
    int32_t many = own->trees.many, most = 1;
    for (int32_t tree = 0; tree < many; tree++) {
        int32_t leaves = whole(from->leaves)[tree];
        if (leaves < 1 || leaves > MOST_LEAVES) return damaged("too many leaves, or none");
        if (leaves > most) most = leaves;
        values += leaves;
    }
    if (PyArray_SIZE(from->values) != values) return damaged("leaves without a value");
    PyArrayObject *all[] = {from->features, from->kinds, from->left, from->right, from->thresholds};
    for (int at = 0; at < 5; at++)
        if (PyArray_SIZE(all[at]) != values - many) return damaged("splits that are cut short");
    if (categories_of(own, from)) return -1;
    Waiting *waiting = PyMem_Calloc((size_t)most * 4, sizeof(Waiting));
    own->each = PyMem_Calloc((size_t)many + 1, sizeof(Tree));
    own->nodes = PyMem_Calloc((size_t)values * 2 + 1, sizeof(TreesNode));
    own->tests = PyMem_Calloc((size_t)values + 1, sizeof(TreesTest));
    own->leaves = PyMem_Calloc((size_t)values + 1, sizeof(double));
    int failed = waiting == NULL || own->each == NULL || own->nodes == NULL ||
                 own->tests == NULL || own->leaves == NULL;
    if (failed) PyErr_NoMemory();
    TreesNode *root = own->nodes;
    values = 0;
    for (int32_t tree = 0; tree < many && !failed; tree++) {
        int32_t leaves = whole(from->leaves)[tree];
        failed = tree_of(own, from, leaves, splits, values, waiting, root, own->each + tree);
        root += 2 * leaves - 1;
        splits += leaves - 1;
        values += leaves;
    }
    for (int32_t tree = 0; tree < many && !failed; tree += TREES_CHUNK)
        ordered(own->each + tree, many - tree < TREES_CHUNK ? many - tree : TREES_CHUNK);
    own->trees.trees = own->each;
    own->trees.bits = own->bits;
    PyMem_Free(waiting);
    return failed ? -1 : 0;
}

static PyArrayObject *array_of(PyObject *from, int type) {
    PyArrayObject *array = (PyArrayObject *)PyArray_FROM_OTF(from, type, NPY_ARRAY_CARRAY_RO);
    if (array != NULL && PyArray_NDIM(array) != 1) {
        damaged("an array of more than one dimension");
        Py_CLEAR(array);
    }
    return array;
}

static PyObject *model_new(PyTypeObject *type, PyObject *given, PyObject *named) {
    static const int types[] = {NPY_INT32, NPY_INT32,  NPY_INT32,  NPY_INT32, NPY_INT32,
                                NPY_DOUBLE, NPY_DOUBLE, NPY_INT32, NPY_UINT32};
    PyObject *told[9];
    PyArrayObject *arrays[9] = {0};
    int width;
    if (named != NULL && PyDict_GET_SIZE(named))
        return PyErr_Format(PyExc_TypeError, "trees are made of arguments in their order");
    if (!PyArg_ParseTuple(given, "iOOOOOOOOO", &width, told, told + 1, told + 2, told + 3, told + 4,
                          told + 5, told + 6, told + 7, told + 8))
        return NULL;
    Model *own = (Model *)type->tp_alloc(type, 0);
    int failed = own == NULL;
    for (int at = 0; at < 9 && !failed; at++)
        failed = (arrays[at] = array_of(told[at], types[at])) == NULL;
    if (!failed && (width < 0 || width > TREES_FEATURE || PyArray_SIZE(arrays[0]) > INT32_MAX / 2))
        failed = damaged("too wide, or too many");
    if (!failed) {
        Text from = {arrays[0], arrays[1], arrays[2], arrays[3], arrays[4],
                     arrays[5], arrays[6], arrays[7], arrays[8]};
        own->trees.width = width;
        own->trees.many = (int32_t)PyArray_SIZE(arrays[0]);
        failed = trees_of(own, &from);
    }
    for (int at = 0; at < 9; at++) Py_XDECREF(arrays[at]);
    if (failed) Py_CLEAR(own);
    return (PyObject *)own;
}

static void model_free(Model *own) {
    PyMem_Free(own->each);
    PyMem_Free(own->nodes);
    PyMem_Free(own->tests);
    PyMem_Free(own->leaves);
    PyMem_Free(own->bits);
    Py_TYPE(own)->tp_free((PyObject *)own);
}

/* The doubles of ``given``, whose last dimension is the model's width; NULL with an error set. */
static const double *rows_of(const Model *own, PyObject *given, int dimensions) {
    PyArrayObject *array = (PyArrayObject *)given;
    if (!PyArray_Check(given) || PyArray_TYPE(array) != NPY_DOUBLE ||
        PyArray_NDIM(array) != dimensions || !PyArray_ISCARRAY_RO(array) ||
        PyArray_DIM(array, dimensions - 1) != own->trees.width) {
        PyErr_Format(PyExc_ValueError, "not a contiguous array of doubles of width %d",
                     (int)own->trees.width);
        return NULL;
    }
    return numbers(array);
}

PyDoc_STRVAR(raw_doc, "raw(matrix): the raw scores, (n,), of an (n, width) matrix.");

static PyObject *model_raw(Model *own, PyObject *matrix) {
    const double *rows = rows_of(own, matrix, 2);
    if (rows == NULL) return NULL;
    npy_intp many = PyArray_DIM((PyArrayObject *)matrix, 0);
    PyObject *scores = PyArray_SimpleNew(1, &many, NPY_DOUBLE);
    if (scores == NULL) return NULL;
    double *into = PyArray_DATA((PyArrayObject *)scores);
    if (many <= FEW) {
        trees_scores(&own->trees, rows, many, into);
    } else {
        Py_BEGIN_ALLOW_THREADS
        trees_scores(&own->trees, rows, many, into);
        Py_END_ALLOW_THREADS
    }
    return scores;
}

PyDoc_STRVAR(raw_of_row_doc, "raw_of_row(row): the raw score of one row, (width,).");

static PyObject *model_raw_of_row(Model *own, PyObject *row) {
    const double *values = rows_of(own, row, 1);
    return values == NULL ? NULL : PyFloat_FromDouble(trees_score(&own->trees, values));
}

static void capsule_free(PyObject *capsule) { Py_DECREF(PyCapsule_GetContext(capsule)); }

/* The walker for other modules of these headers; the model lives as long as its capsules. */
static PyObject *model_capsule(Model *own, void *unused) {
    PyObject *capsule = PyCapsule_New(&own->trees, TREES_CAPSULE, NULL);
    if (capsule == NULL) return NULL;
    if (PyCapsule_SetContext(capsule, own) || PyCapsule_SetDestructor(capsule, capsule_free)) {
        Py_DECREF(capsule);
        return NULL;
    }
    Py_INCREF(own);
    return capsule;
}

static PyMethodDef methods[] = {{"raw", (PyCFunction)model_raw, METH_O, raw_doc},
                                {"raw_of_row", (PyCFunction)model_raw_of_row, METH_O,
                                 raw_of_row_doc},
                                {NULL}};

static PyGetSetDef attributes[] = {{"capsule", (getter)model_capsule}, {NULL}};

static PyTypeObject Type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "retain.native.trees.Trees",
    .tp_basicsize = sizeof(Model),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = model_new,
    .tp_dealloc = (destructor)model_free,
    .tp_methods = methods,
    .tp_getset = attributes,
};

static PyModuleDef definition = {PyModuleDef_HEAD_INIT, .m_name = "trees", .m_size = -1};

PyMODINIT_FUNC PyInit_trees(void) {
    static const Named functions[] = {{0}};
    import_array();
    return module_of(&definition, functions, &Type);
}
